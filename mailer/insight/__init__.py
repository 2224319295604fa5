"""What staff see: sums, reasons and stories in words."""
