package lockwatch

// WithoutLiterals is a statement as it may be shown: constants, which may be personal data,
// become ?, comments go, white space shrinks.
func WithoutLiterals(statement string) string { return withoutLiterals(statement) }
