package router

import (
	"math/rand/v2"
	"net/http"
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

// side is the point of the client that makes a request, and whether it brought it.
func side(r *http.Request) (point int, known bool) {
	if cookie, err := r.Cookie(sideCookie); err == nil {
		if point, err := strconv.Atoi(cookie.Value); err == nil && point >= 0 && point < points {
			return point, true
		}
	}
	return rand.IntN(points), false
}

// rememberSide is the cookie that keeps a client on its side.
func rememberSide(point int, secure bool) *http.Cookie {
	return &http.Cookie{Name: sideCookie, Value: strconv.Itoa(point), Path: "/", HttpOnly: true, Secure: secure,
		SameSite: http.SameSiteLaxMode}
}
