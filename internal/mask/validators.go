package mask

import (
	"math"
	"net/netip"
	"regexp"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// validator tells whether a value is of a class. A column is believed to be if at least
// least of its samples and a share of them are.
type validator struct {
	class   Class
	share   float64
	least   int
	numeric bool // also worth asking about integers
	valid   func(value string) bool
}

// validators are asked in this order: what proves itself by a check digit goes first.
func validators() []validator {
	return []validator{
		{class: ClassEmail, share: 0.5, least: 1, valid: isEmail},
		{class: ClassPassword, share: 0.5, least: 1, valid: passwordShape.MatchString},
		{class: ClassIBAN, share: 0.3, least: 1, valid: isIBAN},
		{class: ClassCard, share: 0.6, least: 2, numeric: true, valid: isCard},
		{class: ClassPhone, share: 0.3, least: 1, valid: isInternationalPhone},
		{class: ClassNational, share: 0.6, least: 2, valid: isNational},
		{class: ClassMAC, share: 0.5, least: 1, valid: macShape.MatchString},
		{class: ClassPicture, share: 0.5, least: 1, valid: func(s string) bool { return strings.HasPrefix(s, "data:image/") }},
		{class: ClassMAC, share: 0.5, least: 1, valid: agentShape.MatchString},
		{class: ClassIP, share: 0.5, least: 1, valid: isIP},
		{class: ClassToken, share: 0.3, least: 1, valid: knownSecret.MatchString},
		{class: ClassPhone, share: 0.8, least: 3, valid: isNationalPhone},
		{class: ClassToken, share: 0.6, least: 2, valid: isRandom},
		{class: ClassToken, share: 0.6, least: 2, valid: isKeyLink},
		{class: ClassName, share: 0.3, least: 2, valid: isPersonName},
	}
}

// finders look inside a text, where one hit is enough.
func finders() []validator {
	return []validator{
		{class: ClassEmail, valid: holdsMail},
		{class: ClassIBAN, valid: func(s string) bool { return anyMatch(ibanInText, s, isIBAN) }},
		{class: ClassCard, valid: func(s string) bool { return anyMatch(cardInText, s, isCard) }},
		{class: ClassPhone, valid: func(s string) bool { return anyMatch(phoneInText, s, isInternationalPhone) }},
		{class: ClassNational, valid: ssnInText.MatchString},
		{class: ClassToken, valid: knownSecret.MatchString},
		{class: ClassPassword, valid: passwordShape.MatchString},
	}
}

func anyMatch(form *regexp.Regexp, text string, valid func(string) bool) bool {
	for _, m := range form.FindAllString(text, -1) {
		if valid(m) {
			return true
		}
	}
	return false
}

var (
	wholeEmail    = regexp.MustCompile(`^[^\s@<>,;"]+@[^\s@<>,;"]+\.[\p{L}0-9\-]+$`)
	ibanInText    = regexp.MustCompile(`\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b`)
	cardInText    = regexp.MustCompile(`\b[0-9]{4}([ \-]?)[0-9]{4}[ \-]?[0-9]{4}[ \-]?[0-9]{4}\b`)
	ssnInText     = regexp.MustCompile(`\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b`)
	macShape      = regexp.MustCompile(`^[0-9A-Fa-f]{2}(?:[:\-][0-9A-Fa-f]{2}){5}$`)
	passwordShape = regexp.MustCompile(`^(?:\$2[abxy]?\$|\$argon2|\$scrypt|\$pbkdf2|\$[156y]\$|pbkdf2_|bcrypt\$|scrypt:|\{S?SHA\}|\{CRYPT\})`)
	knownSecret   = regexp.MustCompile(`\beyJ[\w\-]{8,}\.[\w\-]{8,}\.|-----BEGIN [A-Z ]*PRIVATE KEY|\b(?:sk|rk|pk)_(?:live|test)_\w{8,}|\bgh[pousr]_\w{20,}|\bAKIA[0-9A-Z]{16}\b|\bxox[abprs]-[\w\-]{10,}|\bglpat-[\w\-]{15,}`)
	agentShape    = regexp.MustCompile(`^(?:Mozilla|Opera|Dalvik|okhttp|curl|CFNetwork)/[0-9]`)
	dateLike      = regexp.MustCompile(`^\d{4}[\-/.]\d{1,2}[\-/.]\d{1,2}|^\d{1,2}[\-/.]\d{1,2}[\-/.]\d{4}`)
)

func isEmail(s string) bool { return wholeEmail.MatchString(s) }

func isIBAN(s string) bool {
	value := []byte(s)
	at := ibanPlaces(value)
	return at != nil && int(value[at[2]]-'0')*10+int(value[at[3]]-'0') == ibanCheck(value, at)
}

// isCard asks for a length, a brand's beginning and a right check digit.
func isCard(s string) bool {
	value := []byte(s)
	at, letters := digitsOf(value)
	if letters || len(at) < 13 || len(at) > 19 || strings.Trim(s, "0123456789 -") != "" {
		return false
	}
	last := len(at) - 1
	return strings.IndexByte("3456", value[at[0]]) >= 0 && luhn(value, at[:last]) == int(value[at[last]]-'0')
}

func isInternationalPhone(s string) bool {
	if !strings.HasPrefix(s, "+") && !strings.HasPrefix(s, "00") {
		return false
	}
	number, err := phonenumbers.Parse("+"+strings.TrimLeft(s, "+0"), "ZZ")
	return err == nil && phonenumbers.IsPossibleNumber(number) && !strings.ContainsFunc(s, unicode.IsLetter)
}

// isNationalPhone asks the rules of some countries, and for a number that looks dialled:
// a leading zero or separators. Without them every second order number would be one.
func isNationalPhone(s string) bool {
	if dateLike.MatchString(s) || strings.ContainsFunc(s, unicode.IsLetter) || strings.Trim(s, "0123456789 ()-/.") != "" {
		return false
	}
	if !strings.HasPrefix(s, "0") && !strings.ContainsAny(s, "()- ") {
		return false
	}
	for _, region := range [...]string{"US", "GB", "DE", "FR", "ES", "IT", "NL", "PL", "CH", "AT", "SE", "BR", "AU", "IN"} {
		if number, err := phonenumbers.Parse(s, region); err == nil && phonenumbers.IsValidNumberForRegion(number, region) {
			return true
		}
	}
	return false
}

func isIP(s string) bool {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.IsValid()
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

// isRandom takes a value for a generated secret: one word of letters and digits, long, mixed
// more than words and years are, with the entropy of chance. A UUID is an identifier far more often than a secret.
func isRandom(s string) bool {
	if len(s) < 20 || uuidShape.MatchString(s) || strings.ContainsFunc(s, unicode.IsSpace) || strings.ContainsAny(s, "/:@") && !base64Shape.MatchString(s) {
		return false
	}
	turns, was := 0, false
	count := map[rune]float64{}
	for _, r := range s {
		count[r]++
		if unicode.IsDigit(r) != was {
			turns, was = turns+1, !was
		}
	}
	entropy, n := 0.0, float64(len(s))
	for _, c := range count {
		entropy -= c / n * math.Log2(c/n)
	}
	return turns >= 4 && entropy >= 3.2
}

// isKeyLink tells a link that is a key: its last part is a generated secret, and no file.
func isKeyLink(s string) bool {
	if !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") {
		return false
	}
	last := s[strings.LastIndexAny(s, "/=")+1:]
	return !strings.Contains(last, ".") && isRandom(last)
}

var base64Shape = regexp.MustCompile(`^[A-Za-z0-9+/]{20,}={0,2}$`)

// givenNames are common ones of many countries. They prove nothing alone; a third of a
// column's samples beginning with one does.
const givenNames = ` anna maria john james mary robert michael david william richard thomas charles daniel
	matthew anthony mark paul steven andrew joshua kevin brian george edward patricia jennifer linda elizabeth
	barbara susan jessica sarah karen nancy lisa margaret sandra ashley emily emma olivia sophia isabella mia
	charlotte amelia jack harry oliver noah liam lucas ben leon finn elias jonas felix max paul luis anton
	emil clara klara lena lea marie sophie johanna hans peter klaus wolfgang juergen jurgen stefan andreas
	christian martin sabine petra monika ursula renate ingrid greta ida uwe vera wolf zoe tina rosa olga pierre
	jean michel philippe nicolas camille lucie chloe louis hugo jules antoine francois isabelle nathalie
	jose juan carlos luis antonio francisco manuel javier pedro pablo carmen ana lucia marta laura elena sofia
	giuseppe giovanni marco luca alessandro francesca giulia chiara paolo matteo joao miguel ines beatriz
	jan piet kees anneke sanne daan sven lars erik nils ingrid astrid bjorn magnus piotr krzysztof andrzej
	tomasz agnieszka katarzyna malgorzata ewa ivan dmitri sergei aleksandr natalia tatiana irina mohammed
	muhammad ahmed ali omar fatima aisha yusuf mehmet mustafa ayse aylin emre wei li ming hiroshi yuki sakura
	raj priya amit sunita arjun deepak kim minh nguyen `

// isPersonName looks for two to four words of letters, the first of them a given name.
func isPersonName(s string) bool {
	words := strings.Fields(s)
	if len(words) == 0 || len(words) > 4 {
		return false
	}
	for _, word := range words {
		if strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !strings.ContainsRune("-'.’", r) }) {
			return false
		}
	}
	first := wordsOf(words[0])
	return len(first) > 0 && listed(givenNames, first[0])
}
