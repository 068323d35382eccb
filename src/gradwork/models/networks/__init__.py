"""Networks fitted to tables, images and sequences."""
