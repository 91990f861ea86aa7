package router

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
)

// points is how finely a front's clients are told apart. A client keeps its point in a
// cookie; a share is a range of points. When a share grows at its own end, clients move
// one way only: from the old side to the new.
const points = 10_000

// sideCookie holds a client's point while requests are split. It says nothing about the
// client or the release.
const sideCookie = "understudy-side"

// split is who gets which points. It is never changed, only replaced.
type split []portion

type portion struct {
	slot *slot
	end  int // the first point after it
}

// pick is the slot at a point; nil where nothing is deployed.
func (s split) pick(point int) *slot {
	for _, p := range s {
		if point < p.end {
			return p.slot
		}
	}
	return nil
}

func (s split) has(slot *slot) bool {
	for _, p := range s {
		if p.slot == slot {
			return true
		}
	}
	return false
}

// deployed is the slot of a release that a tester chooses, whatever its share; nil, where
// it is not deployed. Of two that a change of configuration has beside each other it is the
// one that came last: whoever chooses a release wants to see what is new.
func (f *front) deployed(label string) *slot {
	for _, is := range slices.Backward(f.record.Slots) { // in the order in which they came
		if s := f.slots[is.Deployment]; is.Release == label && s.leaving == nil {
			return s
		}
	}
	return nil
}

// side is the point of the client that makes a request, and whether it brought it: in the
// header that names clients, where there is one, or in the cookie.
func side(r *http.Request, sticky string) (point int, known bool) {
	if sticky != "" {
		if name := r.Header[sticky]; len(name) > 0 && name[0] != "" {
			return pointOf(name[0]), true
		}
	}
	if cookie, err := r.Cookie(sideCookie); err == nil {
		if point, err := strconv.Atoi(cookie.Value); err == nil && point >= 0 && point < points {
			return point, true
		}
	}
	return rand.IntN(points), false
}

// pointOf gives a client that is named the same point always, and everywhere.
func pointOf(client string) int {
	sum := sha256.Sum256([]byte(client))
	return int(binary.BigEndian.Uint64(sum[:]) % points)
}

// rememberSide is the cookie that keeps a client on its side.
func rememberSide(point int, secure bool) *http.Cookie {
	return &http.Cookie{Name: sideCookie, Value: strconv.Itoa(point), Path: "/", HttpOnly: true, Secure: secure,
		SameSite: http.SameSiteLaxMode}
}
