package understudy

import "math"

// What is judged here is looked at every quarter of a second, and each look is a chance to
// be wrong. So nothing rests on a test for one look. Each rule below keeps a figure E that,
// as long as nothing is wrong, ever reaches 1/α with a chance of at most α, over all looks
// together and wherever one stops: an e-process. E is how well a mixture of all shares
// explains what was counted, as against the best explanation by which nothing is wrong.
//
//	Robbins, Statistical methods related to the law of the iterated logarithm, 1970 (the mixture)
//	Wasserman, Ramdas, Balakrishnan, Universal inference, PNAS 2020 (the best explanation below it)
//	Howard, Ramdas, Sequential estimation of quantiles, Bernoulli 2022 (quantiles by counts)
//
// All of them count requests as if each failed or was slow by itself. Requests that are slow
// are so together; see clump.

// likely is the logarithm of the chance of one order of k among n at a share.
func likely(k, n, share float64) float64 {
	out := 0.0
	if k > 0 {
		out += k * math.Log(share)
	}
	if n > k {
		out += (n - k) * math.Log1p(-share)
	}
	return out
}

// mixed is the logarithm of the same chance, the share drawn from a beta distribution.
func mixed(k, n, a, b float64) float64 { return logBeta(a+k, b+n-k) - logBeta(a, b) }

func logBeta(a, b float64) float64 {
	x, _ := math.Lgamma(a)
	y, _ := math.Lgamma(b)
	z, _ := math.Lgamma(a + b)
	return x + y - z
}

// worseShare is the logarithm of E against "the new one's share of errors is no larger than
// the old one's". Of an old one that was never counted, it is against "no larger than most".
// The mixtures expect few errors of the old one, and anything of the new one: they change how
// soon E grows and never its promise.
func worseShare(newErrors, newAll, oldErrors, oldAll int64, most float64) float64 {
	e, n, f, m := float64(newErrors), float64(newAll), float64(oldErrors), float64(oldAll)
	switch {
	case n == 0:
		return 0
	case m == 0:
		return mixed(e, n, .5, 5) - likely(e, n, min(e/n, most))
	case e/n <= f/m:
		return 0
	}
	both := (e + f) / (n + m)
	return mixed(e, n, .5, 5) + mixed(f, m, .5, 50) - likely(e, n, both) - likely(f, m, both)
}

// clump is how many requests count as one where latencies are compared: a pause of a machine
// or a lock makes neighbours slow together, and they say no more than one of them would.
const clump = 4

// barWidth is how many times its lower end the upper end of a bar is at most.
const barWidth = 1.07

// quantileWithin is between what a quantile lies, with evidence of at least need (the
// logarithm of E) against all that lies outside on each side. An end that cannot be told is
// 0 or infinite.
func quantileWithin(bars []Bucket, at, need float64) (low, high float64) {
	total := 0.0
	for _, b := range bars {
		total += float64(b.Count) / clump
	}
	high, below := math.Inf(1), 0.0
	for _, b := range bars {
		if below < at*total && unlikely(below, total, at) >= need {
			low = b.UpTo / barWidth // nothing lies between the bars that are there
		}
		below += float64(b.Count) / clump
		if below > at*total && unlikely(below, total, at) >= need {
			return low, b.UpTo
		}
	}
	return low, high
}

// unlikely is the logarithm of E against "the share is what is said".
func unlikely(k, n, share float64) float64 {
	const weight = 10 // of the mixture, around the share
	return mixed(k, n, weight*share, weight*(1-share)) - likely(k, n, share)
}

// quantile is what a share of the requests took at most.
func quantile(bars []Bucket, at float64) float64 {
	var total, below int64
	for _, b := range bars {
		total += b.Count
	}
	for _, b := range bars {
		if below += b.Count; float64(below) >= at*float64(total) {
			return b.UpTo
		}
	}
	return 0
}
