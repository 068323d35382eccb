"""Models of tables: linear, polynomial, logistic, softmax, Poisson."""
