package logical

// Paced gives a copy that was told no rate the one for where its source is.
func Paced(g Gentle, near bool) Gentle { return g.paced(near) }
