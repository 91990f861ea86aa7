package mask

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"understudy"
)

// maskFor compiles one mask for a type.
func maskFor(t testing.TB, name, typ string) func(string) string {
	t.Helper()
	made, err := compile(testKey(t, secret), parseType(typ), Rule{Mask: name, Constant: "constant"})
	if err != nil {
		t.Fatal(err)
	}
	return func(value string) string {
		masked, err := made([]byte(value))
		if err != nil {
			t.Fatalf("masking %q by %s: %v", value, name, err)
		}
		return string(masked)
	}
}

// forms are, for each mask that is a bijection, 100,000 values of few structures.
func forms() map[string]struct {
	typ  string
	form func(n int) string
} {
	type entry = struct {
		typ  string
		form func(n int) string
	}
	return map[string]entry{
		"email": {"text", func(n int) string { return fmt.Sprintf("anna.moser%d@mail%d.de", n/10, n%10) }},
		"name": {"text", func(n int) string {
			return fmt.Sprintf("A%c%c%c %c%c", 'a'+n%26, 'a'+n/26%26, 'a'+n/676%26, 'A'+n/17576%26, 'a'+n/456976)
		}},
		"phone":    {"text", func(n int) string { return fmt.Sprintf("+49 15%d", 10000000+n) }},
		"address":  {"text", func(n int) string { return fmt.Sprintf("Hauptstr. %d", n) }},
		"postcode": {"text", func(n int) string { return fmt.Sprintf("%05d", n) }},
		"card":     {"text", func(n int) string { return fmt.Sprintf("4111 1111 %04d %04d", n/10000, n%10000) }},
		"iban":     {"text", func(n int) string { return fmt.Sprintf("DE%02d 3704 0044 0532 %04d 00", n%100, n/100) }},
		"date": {"date", func(n int) string {
			return time.Date(1900, 1, 1+n, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		}},
		"number":   {"integer", func(n int) string { return fmt.Sprint(2147400000 - n) }},
		"token":    {"text", func(n int) string { return fmt.Sprintf("%08xdeadbeef", n*7919) }},
		"uuid":     {"uuid", func(n int) string { return fmt.Sprintf("%08x-0000-4000-8000-000000000000", n) }},
		"ip":       {"inet", func(n int) string { return fmt.Sprintf("10.%d.%d.%d", n/65536, n/256%256, n%256) }},
		"url":      {"text", func(n int) string { return fmt.Sprintf("https://cdn%d.example.com/u/%d.jpg?x=1", n%10, n/10) }},
		"text":     {"text", func(n int) string { return fmt.Sprintf("Order %d of me@x%d.com", n/10, n%10) }},
		"hash":     {"text", func(n int) string { return fmt.Sprint(n) }},
		"national": {"text", func(n int) string { return fmt.Sprintf("%011d", n*7) }},
	}
}

func TestMasks_AreBijectionsOverManyValuesOfAStructure(t *testing.T) {
	for name, f := range forms() {
		t.Run(name, func(t *testing.T) {
			mask := maskFor(t, name, f.typ)
			seen := make(map[string]bool, bijectionValues)
			for n := range bijectionValues {
				value := f.form(n)
				masked := mask(value)
				if masked == value {
					t.Fatalf("%q stayed", value)
				}
				if seen[masked] {
					t.Fatalf("%q and another value both became %q", value, masked)
				}
				seen[masked] = true
			}
		})
	}
}

func TestMasks_EveryBijectionOfTheCatalogueIsTested(t *testing.T) {
	tested := forms()
	for _, m := range catalogue() {
		if _, found := tested[m.name]; m.unique && !found && m.name != maskKeep && m.name != maskNull && !isBatch(m.name) && m.name != "rank" {
			t.Errorf("%s promises to keep different values different, and nothing tests it", m.name)
		}
	}
}

func TestMasks_HoldForAnyText(t *testing.T) {
	names := []string{"email", "name", "phone", "address", "postcode", "card", "iban", "date", "number", "token", "ip", "url", "text", "hash", "password"}
	masks, others := map[string]understudy.MaskFunc{}, map[string]understudy.MaskFunc{}
	for _, name := range names {
		for of, key := range map[*map[string]understudy.MaskFunc]string{&masks: secret, &others: another} {
			made, err := compile(testKey(t, key), parseType("text"), Rule{Mask: name})
			if err != nil {
				t.Fatal(err)
			}
			(*of)[name] = made
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "mask")
		value := []byte(anyText().Draw(t, "value"))
		original := bytes.Clone(value)
		masked, err := masks[name](value)
		if err != nil {
			t.Fatalf("%s of %q: %v", name, value, err)
		}
		again, _ := masks[name](value)
		if !bytes.Equal(masked, again) || !bytes.Equal(value, original) {
			t.Fatalf("%s of %q is %q, then %q", name, original, masked, again)
		}
		if masked == nil || (len(value) == 0) != (len(masked) == 0) {
			t.Fatalf("%s of %q is %q: only an empty value is masked by an empty one", name, value, masked)
		}
		if escapes(masked) != escapes(value) && name != "hash" && name != "password" {
			t.Fatalf("%s of %q is %q: what COPY escapes has changed", name, value, masked)
		}
		letters := len(strings.FieldsFunc(string(value), func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') }))
		if letters > 0 && bytes.Equal(masked, value) {
			t.Fatalf("%s left %q as it is", name, value)
		}
		if other, _ := others[name](value); name != "date" && name != "password" && significant(value) >= 12 && bytes.Equal(masked, other) && !onlyLonely(value) && letters > 0 {
			t.Fatalf("%s of %q is the same under two keys", name, value)
		}
	})
}

func TestMasks_LeaveNoWordsBesideWhatTheyAreFor(t *testing.T) {
	beside := []string{
		"", "1980-12-31", "1980-12-31 10:00 ", "31.12.1980 ", "10.0.0.1 ", "10.0.0.1/24 ", "https://x.example/ ", "https://x.example:80", "+49 170 1234567 ",
		"0170 1234567 ext ", "DE89370400440532013000 ", "4111 1111 1111 1111 ", "12345 ", "1e5 ", "anna@x.de ", "::1 ", "fe80::1%", "00:11:22:33:44:55 ",
		"550e8400-e29b-41d4-a716-446655440000 ", "mailto:", "tel:", "data:text/plain,", "//host/", "https://u:p@host/?q=", "https://[::1]:80", "$1$", "?name=", "#",
	}
	for _, name := range []string{
		"email", "name", "phone", "address", "postcode", "card", "iban", "national", "date", "number", "token", "uuid", "ip", "url", "text", "hash", "password",
	} {
		masked := maskFor(t, name, "text")
		for _, b := range beside {
			for _, value := range []string{b + "Qumzel Brxtovy", b + "QUMZEL", "Qumzel Brxtovy " + b, "Qumzel:" + b + ":5f4dcc3b5aa765d61d8327deb882cf99"} {
				if got := strings.ToLower(masked(value)); strings.Contains(got, "qumzel") || strings.Contains(got, "brxtovy") {
					if !strings.HasPrefix(got, "qumzel://") { // a scheme
						t.Errorf("%s of %q is %q", name, value, got)
					}
				}
			}
		}
	}
}

func TestNumber_LeavesNoWordsThatFollowAnE(t *testing.T) {
	number := maskFor(t, "number", "text")
	for _, value := range []string{"7e Anna Moser", "12Example", "\tE", "e7 Anna", "1e2e3", "5 e 12", "Flat 3E12"} {
		if masked := number(value); strings.Contains(masked, "Anna") || strings.Contains(masked, "xample") || masked == value {
			t.Errorf("%q became %q", value, masked)
		}
	}
	for _, value := range []string{"12e-3", "1.5E+10", "3e7"} {
		_, power, _ := strings.Cut(strings.ToLower(value), "e")
		if masked := strings.ToLower(number(value)); masked == value || !strings.HasSuffix(masked, "e"+power) {
			t.Errorf("%q became %q", value, masked)
		}
	}
}

// escapes counts, in order, the characters that COPY's text format writes with a backslash.
func escapes(value []byte) string {
	var out []byte
	for _, b := range value {
		if strings.IndexByte("\b\f\n\r\t\v\\", b) >= 0 {
			out = append(out, b)
		}
	}
	return string(out)
}

func TestEmail_CanNeverBeDeliveredAndKeepsItsLength(t *testing.T) {
	email := maskFor(t, "email", "text")
	for _, value := range []string{
		"anna@gmail.com", "Anna.Moser+shop@web.de", "x@y.example", "anna@example.com", "müller@bücher.de", "info@moser-gmbh.co.uk",
		"a@b.museum", "post@xn--bcher-kva.xn--p1ai", "иван@почта.рф", "root@localhost", "a@db",
	} {
		masked := email(value)
		local, domain, _ := strings.Cut(masked, "@")
		top := domain[strings.LastIndexByte(domain, '.')+1:]
		nobodys := len(top) == 2 && nobodysCountry(top[0], top[1])
		if reservedFront(domain) < 0 && !strings.ContainsAny(top, "0123456789") && !nobodys || strings.Contains(top, "xn--") {
			t.Errorf("%s became %s, where mail may arrive", value, masked)
		}
		if len(masked) != len(value) || strings.HasPrefix(value, local+"@") {
			t.Errorf("%s became %s", value, masked)
		}
	}
	if masked := email("anna@gmail.com"); !strings.HasSuffix(masked, ".test") {
		t.Errorf("an address of a known provider became %s", masked)
	}
	local := func(address string) string { l, _, _ := strings.Cut(email(address), "@"); return l }
	if local("anna@gmail.com") != local("anna@web.de") {
		t.Error("the same local part differs between domains")
	}
	for _, value := range []string{"Anna@Web.DE", "Anna@Moser.De", "Post@Kanzlei-MOSER.Com"} {
		if strings.ToLower(email(value)) != email(strings.ToLower(value)) {
			t.Errorf("%s and its lower case differ in more than case afterwards", value)
		}
	}
}

func TestEmail_KeepsEveryDomainOfARegistryApart(t *testing.T) {
	k := testKey(t, secret)
	for _, form := range []struct {
		count int
		host  func(n int) string
	}{
		{676, func(n int) string { return fmt.Sprintf("a.%c%c", 'a'+n/26, 'a'+n%26) }},
		{17576, func(n int) string { return fmt.Sprintf("a.%c%c%c", 'a'+n/676, 'a'+n/26%26, 'a'+n%26) }},
		{50000, func(n int) string {
			return fmt.Sprintf("%c%c.%c%c%c%c", 'a'+n%2, 'c'+n/2%3, 'a'+n/6%26, 'a'+n/156%26, 'm'+n/4056%5, 'a'+n/20280)
		}},
	} {
		seen := map[string]string{}
		for n := range form.count {
			host := form.host(n)
			masked := string(k.host(nil, []byte(host)))
			if other, twice := seen[masked]; twice {
				t.Fatalf("%s and %s both became %s", host, other, masked)
			}
			seen[masked] = host
			top := masked[strings.LastIndexByte(masked, '.')+1:]
			if !strings.ContainsAny(top, "0123456789") && !(len(top) == 2 && nobodysCountry(top[0], top[1])) || strings.Trim(top, "0123456789") == "" {
				t.Fatalf("%s became %s", host, masked)
			}
		}
	}
	seen := map[string]bool{}
	for _, provider := range strings.Fields(mailProviders) {
		masked := string(k.host(nil, []byte(provider)))
		if seen[masked] || len(masked) != len(provider) || !strings.HasSuffix(masked, reserved) {
			t.Errorf("%s became %s", provider, masked)
		}
		seen[masked] = true
	}
	if masked := string(k.host(nil, []byte("qxzj.test"))); seen[masked] || !strings.HasSuffix(masked, reserved) {
		t.Errorf("a reserved name became %s", masked)
	}
}

func TestEmail_GrowsWhereARuleAsksForIt(t *testing.T) {
	grow := func(mask, typ string) func(string) string {
		made, err := compile(testKey(t, secret), parseType(typ), Rule{Mask: mask, Option: "grow"})
		if err != nil {
			t.Fatal(err)
		}
		return func(value string) string {
			masked, err := made([]byte(value))
			if err != nil {
				t.Fatal(err)
			}
			return string(masked)
		}
	}
	if got := grow("email", "text")("anna@moser.de"); !strings.HasSuffix(got, ".test") || len(got) != len("anna@moser.de.test") {
		t.Errorf("became %s", got)
	}
	email := grow("email", "character varying(20)")
	a, b := email("anna.moser@gmail.com"), email("anna.maier@gmail.com")
	if len(a) > 20 || a == b || !strings.HasSuffix(a, "@x.test") {
		t.Errorf("became %s and %s", a, b)
	}
	if got := grow("email", "varchar(4)")("a@bc"); len(got) > 4 {
		t.Errorf("became %s", got)
	}
	if got := grow("url", "text")("https://www.moser.de/anna"); !strings.Contains(got, ".test/") {
		t.Errorf("became %s", got)
	}
}

func TestText_MasksWhatIsInsideAsElsewhere(t *testing.T) {
	text, email, phone := maskFor(t, "text", "text"), maskFor(t, "email", "text"), maskFor(t, "phone", "text")
	masked := text("Please ring +49 151 2345678 or write to anna@gmail.com, thanks!\n Anna")
	for _, part := range []string{email("anna@gmail.com"), phone("+49 151 2345678"), ", ", "!\n "} {
		if !strings.Contains(masked, part) {
			t.Errorf("%q lacks %q", masked, part)
		}
	}
	for _, part := range []string{"anna", "Anna", "151", "ring", "Please"} {
		if strings.Contains(masked, part) {
			t.Errorf("%q still has %q", masked, part)
		}
	}
}

func TestMasks_OfAPaddedValueAreThoseOfTheValue(t *testing.T) {
	for _, name := range []string{"token", "email", "postcode", "phone", "iban", "text"} {
		padded, plain := maskFor(t, name, "character(30)"), maskFor(t, name, "text")
		for _, value := range []string{"anna@moser.de", "ab 123", "+49 151 2345678", ""} {
			if got, want := padded(value+"    "), plain(value)+"    "; got != want {
				t.Errorf("%s: %q became %q, expected %q", name, value, got, want)
			}
		}
	}
}

func TestName_GivesAWordTheSameMaskEverywhere(t *testing.T) {
	name := maskFor(t, "name", "text")
	if got, want := name("Anna Müller-Lüdenscheidt"), name("Anna")+" "+name("Müller")+"-"+name("Lüdenscheidt"); got != want {
		t.Errorf("became %q, expected %q", got, want)
	}
}

func TestPhone_KeepsCountryAndFormatAndIsTheSameHoweverWritten(t *testing.T) {
	phone := maskFor(t, "phone", "text")
	digits := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, s)
	}
	a, b, c := phone("+49 (151) 234-5678"), phone("+491512345678"), phone("00491512345678")
	if !strings.HasPrefix(a, "+49 (") || digits(a) != digits(b) || c != "00"+digits(b) {
		t.Errorf("one number became %s, %s and %s", a, b, c)
	}
	if got := phone("0171 5550100"); !strings.HasPrefix(got, "0") || got[1] == '0' || got[4] != ' ' {
		t.Errorf("became %s", got)
	}
	if got := phone("+1 212 555 0100"); !strings.HasPrefix(got, "+1 ") {
		t.Errorf("became %s", got)
	}
	if got := phone("+352 27 12 34"); !strings.HasPrefix(got, "+352 ") {
		t.Errorf("became %s", got)
	}
}

func TestCardAndIBAN_KeepTheirCheckDigitsRightOrWrong(t *testing.T) {
	card, iban := maskFor(t, "card", "text"), maskFor(t, "iban", "text")
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`[3456][0-9]{12,17}`).Draw(t, "card")
		masked := card(number)
		if luhnValid(masked) != luhnValid(number) || masked[:2] != number[:2] || masked == number {
			t.Fatalf("card %s became %s", number, masked)
		}
		account := []byte(rapid.StringMatching(`(DE|FR|NL|GB)[0-9]{2}[A-Z0-9]{12,26}`).Draw(t, "iban"))
		if rapid.Bool().Draw(t, "right") {
			copy(account[2:4], fmt.Sprintf("%02d", ibanCheck(account, ibanPlaces(account))))
		}
		maskedAccount := iban(string(account))
		if isIBAN(maskedAccount) != isIBAN(string(account)) || maskedAccount[:2] != string(account[:2]) || len(maskedAccount) != len(account) || maskedAccount == string(account) {
			t.Fatalf("account %s became %s", account, maskedAccount)
		}
	})
	if got, want := strings.ReplaceAll(iban("DE89 3704 0044 0532 0130 00"), " ", ""), iban("DE89370400440532013000"); got != want {
		t.Errorf("one account became %s and %s", got, want)
	}
}

func TestNumber_StaysWithinItsTypeAndKeepsItsForm(t *testing.T) {
	for typ, limit := range map[string]int64{"smallint": 32767, "integer": 2147483647, "bigint": 9223372036854775807} {
		number := maskFor(t, "number", typ)
		rapid.Check(t, func(t *rapid.T) {
			value := rapid.Int64Range(-limit, limit).Draw(t, "value")
			var masked int64
			if _, err := fmt.Sscan(number(fmt.Sprint(value)), &masked); err != nil {
				t.Fatalf("%d became %s", value, number(fmt.Sprint(value)))
			}
			if masked > limit || masked < -limit || len(fmt.Sprint(masked)) != len(fmt.Sprint(value)) || (masked == value) != (value == 0) {
				t.Fatalf("%d became %d", value, masked)
			}
		})
	}
	number := maskFor(t, "number", "numeric(12,2)")
	for _, kept := range []string{"0", "0.00", "NaN", "Infinity"} {
		if got := number(kept); got != kept && kept[0] == '0' {
			t.Errorf("%s became %s", kept, got)
		}
	}
	if got := number("-1234.50"); len(got) != 8 || got[0] != '-' || got[5] != '.' {
		t.Errorf("became %s", got)
	}
}

func TestDate_MovesAllDatesByOneDistance(t *testing.T) {
	date, stamp, text := maskFor(t, "date", "date"), maskFor(t, "date", "timestamp with time zone"), maskFor(t, "date", "text")
	a, b := date("1980-02-29"), stamp("2021-03-01 13:14:15.5+01")
	first, _ := time.Parse(time.DateOnly, a)
	second, _ := time.Parse(time.DateOnly, b[:10])
	moved := time.Date(1980, 2, 29, 0, 0, 0, 0, time.UTC).Sub(first)
	if moved <= 0 || moved != time.Date(2021, 3, 1, 0, 0, 0, 0, time.UTC).Sub(second) || int(moved.Hours())%(7*24) != 0 || b[10:] != " 13:14:15.5+01" {
		t.Errorf("became %s and %s", a, b)
	}
	if got := text("29.02.1980"); got != first.Format("02.01.2006") {
		t.Errorf("29.02.1980 became %s, 1980-02-29 %s", got, a)
	}
	for _, kept := range []string{"infinity", "-infinity"} {
		if got := date(kept); got != kept {
			t.Errorf("%s became %s", kept, got)
		}
	}
	if got := date("0044-03-15 BC"); !strings.HasSuffix(got, " BC") || got <= "0044-03-15 BC" {
		t.Errorf("became %s", got)
	}
	if _, err := testKey(t, secret).date(nil, []byte("31/12/1980"), false); understudy.KindOf(err) != understudy.KindInvalid || strings.Contains(err.Error(), "1980") {
		t.Errorf("another form in a column of dates gave %v", err)
	}
}

func TestIP_StaysAnAddressOfItsKind(t *testing.T) {
	ip, cidr := maskFor(t, "ip", "inet"), maskFor(t, "ip", "cidr")
	for _, value := range []string{"192.168.1.7", "2001:db8::1", "10.1.2.3/24", "::ffff:10.1.2.3"} {
		masked := ip(value)
		if masked == value || !isIP(masked) || strings.Contains(value, ":") != strings.Contains(masked, ":") {
			t.Errorf("%s became %s", value, masked)
		}
	}
	for _, value := range []string{"10.1.0.0/16", "10.1.2.0/23", "2001:db8::/32"} {
		p, err := netip.ParsePrefix(cidr(value))
		if err != nil || p != p.Masked() || p.String() == value {
			t.Errorf("network %s became %s: %v", value, p, err)
		}
	}
	for _, value := range []string{"127.0.0.1", "::1", "0.0.0.0"} {
		if got := ip(value); got != value {
			t.Errorf("%s became %s", value, got)
		}
	}
	if got := ip("10.1.2.3:443"); !strings.HasSuffix(got, ":443") {
		t.Errorf("became %s", got)
	}
}

func TestIP_OfVersion6KeepsNeighboursApartAndZerosInPlace(t *testing.T) {
	ip := maskFor(t, "ip", "inet")
	seen := map[string]bool{}
	for n := range 20_000 {
		value := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 14: byte(n >> 8), 15: byte(n)}).String()
		masked := ip(value)
		a, err := netip.ParseAddr(masked)
		if err != nil || a.String() != masked || len(masked) != len(value) || seen[masked] || masked == value {
			t.Fatalf("%s became %s: %v", value, masked, err)
		}
		seen[masked] = true
	}
	if got, want := ip("2001:0DB8::00AB"), strings.ToUpper(ip("2001:db8::ab")); strings.ReplaceAll(got, ":0", ":") == "" || len(got) != len("2001:0DB8::00AB") || got[:4] != want[:4] {
		t.Errorf("an address written otherwise became %s, not %s", got, want)
	}
	for _, value := range []string{"10.1.2.3/anna", "10.1.2.3/99", "fe80::1%anna"} {
		if got := ip(value); strings.Contains(got, "anna") || got == value {
			t.Errorf("%s became %s", value, got)
		}
	}
}

func TestToken_KeepsItsShape(t *testing.T) {
	token, uuid := maskFor(t, "token", "text"), maskFor(t, "uuid", "uuid")
	const id = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"
	masked := uuid(id)
	if !uuidShape.MatchString(masked) || masked[14] != '4' || masked[19] != '8' || masked == id {
		t.Errorf("became %s", masked)
	}
	if token(id) != masked {
		t.Error("a UUID in a column of text is another one than in a column of UUIDs")
	}
	if got := token("DEADBEEF00112233"); !hexShape.MatchString(got) || got != strings.ToUpper(got) || !hasLetter([]byte(got)) {
		t.Errorf("became %s", got)
	}
	if got := token("ghp_aB3dE5gH7"); len(got) != 13 || got[3] != '_' {
		t.Errorf("became %s", got)
	}
	if got := maskFor(t, "token", "macaddr")("08:00:2b:01:02:03"); !macShape.MatchString(got) {
		t.Errorf("became %s", got)
	}
}

func TestURL_LeadsNowhere(t *testing.T) {
	url, email := maskFor(t, "url", "text"), maskFor(t, "email", "text")
	masked := url("https://anna:geheim@www.moser.de:8443/u/anna?mail=anna%40x.de#top")
	if !strings.HasPrefix(masked, "https://") || strings.Contains(masked, ".de:") || !strings.Contains(masked, ":8443/") || strings.Contains(masked, "anna") || !strings.Contains(masked, "%5F") {
		t.Errorf("became %s", masked)
	}
	if got := url("mailto:anna@x.de"); got != "mailto:"+email("anna@x.de") {
		t.Errorf("became %s", got)
	}
	if got := url("http://10.0.0.1/a"); !strings.HasPrefix(got, "http://") || strings.Contains(got, ".test") || strings.Contains(got, "10.0.0.1") {
		t.Errorf("became %s", got)
	}
}

func TestPassword_SaysNothingAndStaysWellFormed(t *testing.T) {
	mask := maskFor(t, "password", "text")
	const bcrypt = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"
	for value, want := range map[string]string{
		bcrypt: "$2a$10$" + strings.Repeat("A", 53),
		"$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA==$RdescudvJCsgt3ub+b7dWRWJTmaaJObG1234567890a": "$argon2id$v=19$m=65536,t=3,p=4$" + strings.Repeat("A", 22) + "==$" + strings.Repeat("A", 43),
		"5f4dcc3b5aa765d61d8327deb882cf99": strings.Repeat("0", 32),
		"geheim":                           "!!!!!!",
		"anna.moser:5f4dcc3b5aa765d61d8327deb882cf99:Anna":                strings.Repeat("A", 10) + ":" + strings.Repeat("0", 32) + ":AAAA",
		"pbkdf2_sha256$260000$salt$5f4dcc3b5aa765d61d8327deb882cf99:Anna": "pbkdf2_sha256$260000$salt$" + strings.Repeat("0", 32) + ":AAAA",
	} {
		if got := mask(value); got != want {
			t.Errorf("%s became %s, expected %s", value, got, want)
		}
	}
}

func TestArrays_AreMaskedElementByElement(t *testing.T) {
	email, emails := maskFor(t, "email", "text"), maskFor(t, "email", "text[]")
	got := emails(`{anna@x.de,NULL,"","b\"c@y.de",{bob@z.de}}`)
	want := `{` + email("anna@x.de") + `,NULL,"","` + strings.ReplaceAll(email(`b"c@y.de`), `"`, `\"`) + `",{` + email("bob@z.de") + `}}`
	if got != want {
		t.Errorf("became %s\nexpected %s", got, want)
	}
	if got := emails("{}"); got != "{}" {
		t.Errorf("{} became %s", got)
	}
	if _, err := eachElement(nil)(nil, []byte("no array")); err == nil {
		t.Error("no array was taken for one")
	}
}

func TestArrays_ReadBackAsTheyWere(t *testing.T) {
	same := eachElement(func(dst, v []byte) ([]byte, error) { return append(dst, v...), nil })
	rapid.Check(t, func(t *rapid.T) {
		elements := rapid.SliceOf(rapid.StringMatching(`[a-z0-9"\\{}, \n]{0,8}|null|NULL`)).Draw(t, "elements")
		written := []byte("{")
		for i, e := range elements {
			if i > 0 {
				written = append(written, ',')
			}
			written = appendElement(written, []byte(e))
		}
		written = append(written, '}')
		if got, err := same(nil, written); err != nil || !bytes.Equal(got, written) {
			t.Fatalf("%s became %s: %v", written, got, err)
		}
	})
}

func TestJSON_MasksByPathAndLeavesTheRestByteForByte(t *testing.T) {
	rule := Rule{Mask: maskJSON, JSON: map[string]Rule{
		"contact": {Mask: "text"}, "contact.email": {Mask: "email"}, "contact.phone": {Mask: "phone"},
		"born": {Mask: "date"}, "pin": {Mask: "number"}, "secret": {Mask: maskNull}, "kept": {Mask: maskKeep},
	}}
	made, err := compile(testKey(t, secret), parseType("jsonb"), rule)
	if err != nil {
		t.Fatal(err)
	}
	email, phone, date := maskFor(t, "email", "text"), maskFor(t, "phone", "text"), maskFor(t, "date", "text")
	masked, err := made([]byte(`{"id": 7, "contact": {"email": "anna@x.de", "phone": ["+49 151 2345678"], "note": "Hi"},  "born":"1980-01-01", "pin": 1234, "secret": "s", "kept": "me@x.de", "ok": true, "found": "by bob@y.de", "e@f.de": null}`))
	if err != nil {
		t.Fatal(err)
	}
	got := string(masked)
	for _, part := range []string{
		`{"id": 7, "contact": {"email": "` + email("anna@x.de") + `", "phone": ["` + phone("+49 151 2345678") + `"], "note": "`,
		`"},  "born":"` + date("1980-01-01") + `", "pin": `, `"secret": null, "kept": "me@x.de", "ok": true, "found": "by ` + email("bob@y.de") + `", "` + email("e@f.de") + `": null}`,
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%s\nlacks %s", got, part)
		}
	}
	for _, part := range []string{`"Hi"`, "1234"} {
		if strings.Contains(got, part) {
			t.Errorf("%s\nstill has %s", got, part)
		}
	}
}

func TestJSON_StaysJSON(t *testing.T) {
	for _, name := range []string{"text", "name", "number", "email", "hash"} {
		made, err := compile(testKey(t, secret), parseType("jsonb"), Rule{Mask: name})
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range []string{`"a\"b\\\u00e9"`, `7`, `-0.5e3`, `[]`, `{}`, `null`, `[{"a":[1,2,{"b":"c"}]},"d",10]`, `{"a":{"b":{"c":"d"},"e":"f"},"g":"h"}`} {
			masked, err := made([]byte(document))
			if err != nil || len(classifyTokens(string(masked))) != len(classifyTokens(document)) {
				t.Errorf("%s by %s became %s: %v", document, name, masked, err)
			}
		}
	}
}

// classifyTokens lists the paths of a document's leaves.
func classifyTokens(document string) []string {
	texts, numbers := map[string][]string{}, map[string][]string{}
	collectLeaves(document, texts, numbers)
	var paths []string
	for path, values := range texts {
		paths = append(paths, fmt.Sprint(path, len(values)))
	}
	for path, values := range numbers {
		paths = append(paths, fmt.Sprint(path, len(values)))
	}
	return paths
}

func BenchmarkMasks(b *testing.B) {
	k := testKey(b, secret)
	text := strings.Repeat("Please ring before delivery, the bell at the back door does not work. ", 8)
	for _, c := range []struct{ mask, typ, value string }{
		{"email", "text", "anna.moser1234@gmail.com"}, {"name", "text", "Müller"}, {"phone", "text", "+49 151 23456789"},
		{"text", "text", text}, {"token", "text", "6ba7b8109dad41d180b400c04fd430c8"}, {"date", "date", "1980-01-01"},
		{"text", "jsonb", `{"locale": "de", "contact": {"email": "anna@gmail.com", "phone": "+49151234567"}, "tags": ["t1", "t2"]}`},
	} {
		made, err := compile(k, parseType(c.typ), Rule{Mask: c.mask})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.mask+"/"+c.typ, func(b *testing.B) {
			b.SetBytes(int64(len(c.value)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := made([]byte(c.value)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
