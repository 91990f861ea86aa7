//go:build !race

package mask

// bijectionValues is how many values of few structures each bijection is tried with.
const bijectionValues = 100_000
