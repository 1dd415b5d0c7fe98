// StellarLabels
