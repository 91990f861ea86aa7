package physical

// DefaultRate is what a copy takes of the source's files a second, in bytes: a disk that
// serves production as well has more to give.
const DefaultRate = 64 << 20

// Rate is what Spec.MaxRate is for a declared rate: 0 is the default, negative no limit.
func Rate(declared int64) int64 {
	switch {
	case declared == 0:
		return DefaultRate
	case declared < 0:
		return 0
	}
	return declared
}
