package web

import (
	"errors"
	"net/mail"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"

	"understudy/examples/shop/internal/shop"
)

// passwordCost is the least that bcrypt allows, so that a demonstration on two cores
// measures the shop and not its password hashing. A real shop uses 12 or more.
const passwordCost = bcrypt.MinCost

func form(template, title string) Handler {
	return func(v *Visit) error { return v.Show(pages, template, title, nil) }
}

func signUp(v *Visit) error {
	account, err := v.newAccount()
	if err != nil {
		return err
	}
	id, err := v.Site.Accounts.Create(v.Context(), account)
	if err != nil {
		return err
	}
	return v.enter(id)
}

// newAccount reads the form in which one signs up.
func (v *Visit) newAccount() (account shop.Account, err error) {
	field := func(name string) string { return strings.TrimSpace(v.R.FormValue(name)) }
	account = shop.Account{
		Email: strings.ToLower(field("email")), FullName: field("name"), Phone: field("phone"),
		Street: field("street"), Postcode: field("postcode"), City: field("city"), IBAN: field("iban"),
	}
	if parsed, err := mail.ParseAddress(account.Email); err != nil || parsed.Address != account.Email {
		return account, Refusal{"Please give a mail address, like anna@example.com."}
	}
	if account.FullName == "" || account.Street == "" || account.Postcode == "" || account.City == "" {
		return account, Refusal{"Please give a name and an address to send things to."}
	}
	if born := field("born"); born != "" {
		day, err := time.Parse(time.DateOnly, born)
		if err != nil {
			return account, Refusal{"Please write the date of birth as year-month-day, like 1990-12-31."}
		}
		account.Born = &day
	}
	password := v.R.FormValue("password")
	if len(password) < 8 || len(password) > 72 {
		return account, Refusal{"Please choose a password of 8 to 72 characters."}
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), passwordCost)
	account.PasswordHash = string(hash)
	return account, err
}

func signIn(v *Visit) error {
	account, err := v.Site.Accounts.ByEmail(v.Context(), strings.ToLower(strings.TrimSpace(v.R.FormValue("email"))))
	if err != nil && !errors.Is(err, shop.ErrNotFound) {
		return err
	}
	if bcrypt.CompareHashAndPassword([]byte(account.PasswordHash), []byte(v.R.FormValue("password"))) != nil {
		return Refusal{"We know no account with this address and password."}
	}
	return v.enter(account.ID)
}

// enter signs the visitor in under a new token, as the old one may be known to others,
// and keeps the cart.
func (v *Visit) enter(account int64) error {
	if v.Session.Token != "" {
		if err := v.Site.Sessions.End(v.Context(), v.Session); err != nil {
			return err
		}
	}
	if err := v.Keep(shop.Session{AccountID: account, Cart: v.Session.Cart}); err != nil {
		return err
	}
	return v.Go("/account")
}

func signOut(v *Visit) error {
	if err := v.Site.Sessions.End(v.Context(), v.Session); err != nil {
		return err
	}
	return v.Go("/")
}

func account(v *Visit) error {
	found, err := v.Account()
	if err != nil {
		return err
	}
	return v.Show(pages, "account", "Your account", found)
}
