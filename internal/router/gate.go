package router

import (
	"net/http"
	"strings"
	"time"
)

const (
	gateCookie = "understudy-gate"
	signInPath = "/.understudy/sign-in"
	signedIn   = 30 * 24 * time.Hour
)

const signInPage = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="robots" content="noindex">
<meta name="viewport" content="width=device-width"><title>Sign in</title>
<h1>Sign in</h1>
<form method="post" action="` + signInPath + `"><label>Token <input type="password" name="token" autocomplete="current-password" autofocus required></label>
<button>Sign in</button></form></html>
`

// refusedAtGate answers a request that did not bring the token of a gated front, or that
// signs in, and tells whether it did.
func (v *visit) refusedAtGate() bool {
	if v.settings.gate == nil && v.settings.testers == nil {
		return false
	}
	if v.request.URL.Path == signInPath && v.request.Method == http.MethodPost {
		v.signIn()
		return true
	}
	if v.settings.gate == nil {
		return v.showedSignIn()
	}
	if cookie, err := v.request.Cookie(gateCookie); err == nil && v.settings.gate.opens(cookie.Value) {
		return false
	}
	scheme, token, _ := strings.Cut(v.request.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") && v.settings.gate.opens(token) {
		v.byBearer = true
		return false
	}
	v.askToSignIn()
	return true
}

// showedSignIn answers whoever asks for the page of testers.
func (v *visit) showedSignIn() bool {
	if v.request.URL.Path != signInPath {
		return false
	}
	v.sayPage(http.StatusOK, []byte(signInPage), 0)
	return true
}

// opens tells whether a token is one that the sign-in page takes.
func (v *visit) opens(token string) bool {
	return v.settings.gate.opens(token) || v.settings.testers.opens(token)
}

// signIn turns the token of the form into a cookie.
func (v *visit) signIn() {
	r := v.request
	r.Body = http.MaxBytesReader(v.answer, r.Body, 4<<10)
	token := r.PostFormValue("token")
	if !v.opens(token) {
		v.askToSignIn()
		return
	}
	http.SetCookie(v.answer, &http.Cookie{Name: gateCookie, Value: token, Path: "/", HttpOnly: true,
		Secure:   v.secure(),
		SameSite: http.SameSiteLaxMode, MaxAge: int(signedIn.Seconds())})
	v.answer.Header().Set("Location", "/")
	v.answer.Header().Set("X-Robots-Tag", "noindex, nofollow")
	v.answer.WriteHeader(http.StatusSeeOther)
}

func (v *visit) askToSignIn() {
	h := v.answer.Header()
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("WWW-Authenticate", `Bearer realm="understudy"`)
	if !v.wantsPage() {
		v.say(http.StatusUnauthorized, "sign in with the token of this environment", 0)
		return
	}
	v.sayPage(http.StatusUnauthorized, []byte(signInPage), 0)
}
