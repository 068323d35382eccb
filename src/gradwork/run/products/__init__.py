"""Products: how a contraction becomes matrix products, in which order and scale."""
