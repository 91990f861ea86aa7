package mask

import "slices"

// Class is what sort of data a column seems to hold.
type Class string

// The classes of personal data and secrets: what must not reach a twin as it is.
const (
	ClassEmail        Class = "e-mail address"
	ClassPhone        Class = "telephone number"
	ClassName         Class = "name of a person"
	ClassOrganisation Class = "name of an organisation" // a customer, an employer: it leads to persons
	ClassAddress      Class = "postal address"
	ClassPostcode     Class = "postcode"
	ClassCard         Class = "payment card"
	ClassIBAN         Class = "bank account"
	ClassNational     Class = "official number"
	ClassBirth        Class = "date of birth"
	ClassIP           Class = "network address"
	ClassMAC          Class = "device address" // and what else tells devices apart: browsers, serial numbers
	ClassToken        Class = "secret token"
	ClassPassword     Class = "password"
	ClassURL          Class = "personal link"
	ClassText         Class = "free text" // what somebody wrote in words of their own
	ClassLocation     Class = "place"
	ClassSensitive    Class = "sensitive fact"
	ClassPicture      Class = "picture"
	ClassJSON         Class = "document with personal data"
)

// The classes of everything else.
const (
	ClassKey       Class = "key"
	ClassReference Class = "reference"
	ClassFlag      Class = "flag"
	ClassMoment    Class = "moment"
	ClassNumber    Class = "number" // amounts, counts, sizes
	ClassStatus    Class = "status" // one of a few values: kinds, states, roles
	ClassRegion    Class = "region" // country, state, language, time zone, currency
	ClassChecksum  Class = "checksum"
	ClassCode      Class = "code"  // made by programs or by the house: SKUs, versions, paths, file types
	ClassLink      Class = "link"  // to something public
	ClassWords     Class = "words" // of the house: titles and descriptions of its own things
	ClassDocument  Class = "document"
	ClassUnknown   Class = "unknown" // nothing speaks for any class
)

func personal() []Class {
	return []Class{
		ClassEmail, ClassPhone, ClassName, ClassOrganisation, ClassAddress, ClassPostcode, ClassCard, ClassIBAN, ClassNational, ClassBirth, ClassIP,
		ClassMAC, ClassToken, ClassPassword, ClassURL, ClassText, ClassLocation, ClassSensitive, ClassPicture, ClassJSON,
	}
}

// Personal tells whether values of the class must not reach a twin as they are.
func (c Class) Personal() bool { return slices.Contains(personal(), c) }

func (c Class) known() bool {
	return c.Personal() || slices.Contains([]Class{
		ClassKey, ClassReference, ClassFlag, ClassMoment, ClassNumber, ClassStatus, ClassRegion, ClassChecksum, ClassCode, ClassLink, ClassWords,
		ClassDocument, ClassUnknown,
	}, c)
}

// Finding is what a column was taken for.
type Finding struct {
	Class  Class
	Reason string // without any of its values
	// Document tells that the column holds documents, which are ruled path by path.
	Document bool
	// Weak tells that a person should look before it is believed.
	Weak bool
}

// fits tells whether a class can be what a column of a type holds, going by the name alone:
// email_sent timestamptz holds no address.
func (c Class) fits(f family) bool {
	switch f {
	case familyText, familyOther, familyBytes:
		return true
	case familyInteger, familyDecimal:
		return slices.Contains([]Class{ClassPhone, ClassPostcode, ClassCard, ClassIBAN, ClassNational, ClassPassword, ClassBirth, ClassLocation, ClassSensitive, ClassIP}, c)
	case familyDate:
		return c == ClassBirth
	case familyUUID:
		return c == ClassToken
	case familyJSON:
		return c != ClassPicture
	default:
		return false
	}
}

// mask is the mask to propose for a class in a column of a type, and whether it is sure
// enough to be put in force without a person's look.
func (c Class) mask(t columnType) (name string, sure bool) {
	switch t.family {
	case familyInteger, familyDecimal:
		return "number", c != ClassBirth && c != ClassLocation && c != ClassSensitive
	case familyBytes:
		return "hash", c == ClassToken || c == ClassPassword
	case familyDate:
		return "date", true
	case familyIP:
		return "ip", true
	case familyUUID, familyMAC:
		return "token", true
	case familyOther:
		name, _ = c.textMask()
		return name, false
	default:
		return c.textMask()
	}
}

func (c Class) textMask() (name string, sure bool) {
	switch c {
	case ClassEmail:
		return "email", true
	case ClassPhone:
		return "phone", true
	case ClassName:
		return "name", true
	case ClassAddress:
		return "address", true
	case ClassPostcode:
		return "postcode", true
	case ClassCard:
		return "card", true
	case ClassIBAN:
		return "iban", true
	case ClassBirth:
		return "date", true
	case ClassIP:
		return "ip", true
	case ClassNational, ClassMAC, ClassToken:
		return "token", true
	case ClassPassword:
		return "password", true
	case ClassURL:
		return "url", true
	case ClassText:
		return "text", true
	case ClassOrganisation:
		return "name", true
	default:
		return "text", false
	}
}
