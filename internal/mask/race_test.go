//go:build race

package mask

// bijectionValues is less under the race detector, which makes each of them ten times dearer.
const bijectionValues = 5_000
