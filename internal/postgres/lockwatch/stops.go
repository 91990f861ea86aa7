package lockwatch

import "understudy"

// stops is what a table's lock keeps others from.
func stops(mode string) understudy.Stops {
	switch mode {
	case "AccessExclusiveLock":
		return understudy.StopsAll
	case "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock":
		return understudy.StopsWrites
	}
	return understudy.StopsDefinitions
}
