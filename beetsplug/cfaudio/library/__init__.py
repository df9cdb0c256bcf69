"""The beets library as arrays, and arrays as item fields."""
