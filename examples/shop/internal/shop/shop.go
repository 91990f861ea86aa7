// Package shop is the vocabulary of the shop, and the part of its data that is the same
// in every release: products and sessions.
package shop

import (
	"errors"
	"fmt"
	"time"
)

// Account is a customer. Empty texts were not given.
type Account struct {
	ID           int64
	Email        string
	PasswordHash string
	FullName     string
	Phone        string
	Street       string
	Postcode     string
	City         string
	IBAN         string
	Born         *time.Time
}

// Product is a thing one can buy.
type Product struct {
	ID          int64  `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Price       Cents  `json:"price"`
}

// Order is what a customer bought at one time.
type Order struct {
	ID        int64     `json:"id"`
	AccountID int64     `json:"-"`
	Status    string    `json:"status"` // placed, paid or shipped
	Total     Cents     `json:"total"`
	PlacedAt  time.Time `json:"placedAt"`
	Items     []Item    `json:"items,omitempty"`
}

// Item is one line of an order or a cart.
type Item struct {
	ProductID int64  `json:"product"`
	Title     string `json:"title"`
	Quantity  int    `json:"quantity"`
	Price     Cents  `json:"price"` // of one
}

// Total is what the items cost together.
func Total(items []Item) Cents {
	var sum Cents
	for _, item := range items {
		sum += item.Price * Cents(item.Quantity)
	}
	return sum
}

// Cents is an amount of money.
type Cents int64

// String writes the amount as people do: "12.90 €".
func (c Cents) String() string { return fmt.Sprintf("%d.%02d €", c/100, c%100) }

// ErrNotFound says that there is no such thing, or that it belongs to somebody else.
var ErrNotFound = errors.New("not found")

// ErrTaken says that an account with this address exists already.
var ErrTaken = errors.New("an account with this address exists already")
