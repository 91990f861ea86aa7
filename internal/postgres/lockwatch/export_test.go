package lockwatch

// Looks tells a test how many looks the watch has taken.
func (w *Watch) Looks() int { return int(w.looks.Load()) }
