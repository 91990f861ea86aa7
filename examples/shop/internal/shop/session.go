package shop

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Cart is what a visitor means to buy: product to quantity.
type Cart map[int64]int

// Session is a visitor who comes back: with a cart, and an account once signed in.
type Session struct {
	Token     string
	AccountID int64 // 0: not signed in
	Cart      Cart
}

// Sessions keeps sessions in the database. What the browser holds is the token, signed:
// a cookie that we did not make costs no query.
type Sessions struct {
	Pool *pgxpool.Pool
	Key  string // signs the cookies
}

// Read returns the session that a cookie names, and an empty one when it names none.
func (s Sessions) Read(ctx context.Context, cookie string) (Session, error) {
	token, signature, _ := strings.Cut(cookie, ".")
	if !hmac.Equal([]byte(signature), []byte(s.sign(token))) {
		return Session{}, nil
	}
	session := Session{Token: token}
	err := s.Pool.QueryRow(ctx, "SELECT coalesce(account_id, 0), cart FROM sessions WHERE token = $1", token).
		Scan(&session.AccountID, &session.Cart)
	if OneRow(err) == ErrNotFound {
		return Session{}, nil
	}
	return session, err
}

// Write keeps the session and returns the cookie that names it. A session without a
// token gets one.
func (s Sessions) Write(ctx context.Context, session Session) (cookie string, err error) {
	if session.Token == "" {
		session.Token = rand.Text()
	}
	if session.Cart == nil {
		session.Cart = Cart{}
	}
	_, err = s.Pool.Exec(ctx, `INSERT INTO sessions (token, account_id, cart) VALUES ($1, nullif($2, 0), $3)
		ON CONFLICT (token) DO UPDATE SET account_id = excluded.account_id, cart = excluded.cart`,
		session.Token, session.AccountID, session.Cart)
	return session.Token + "." + s.sign(session.Token), err
}

// End forgets the session.
func (s Sessions) End(ctx context.Context, session Session) error {
	_, err := s.Pool.Exec(ctx, "DELETE FROM sessions WHERE token = $1", session.Token)
	return err
}

func (s Sessions) sign(token string) string {
	mac := hmac.New(sha256.New, []byte(s.Key))
	mac.Write([]byte(token))
	return hex.EncodeToString(mac.Sum(nil))
}
