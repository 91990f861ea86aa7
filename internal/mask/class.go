package mask

import "slices"

// Class is what sort of personal data a column seems to hold.
type Class string

// The classes. ClassNone is for columns that do not look personal.
const (
	ClassNone      Class = ""
	ClassEmail     Class = "e-mail address"
	ClassPhone     Class = "telephone number"
	ClassName      Class = "name of a person"
	ClassAddress   Class = "postal address"
	ClassPostcode  Class = "postcode"
	ClassCard      Class = "payment card"
	ClassIBAN      Class = "bank account"
	ClassNational  Class = "official number"
	ClassBirth     Class = "date of birth"
	ClassIP        Class = "network address"
	ClassMAC       Class = "device address"
	ClassToken     Class = "secret token"
	ClassPassword  Class = "password"
	ClassURL       Class = "personal link"
	ClassText      Class = "free text"
	ClassLocation  Class = "place"
	ClassSensitive Class = "sensitive fact"
	ClassPicture   Class = "picture"
	ClassJSON      Class = "document with personal data"
)

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
	default:
		return "text", false
	}
}
