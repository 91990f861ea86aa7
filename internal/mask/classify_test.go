package mask

import (
	"slices"
	"strings"
	"testing"

	"understudy"
)

// column is "table name type | sample | sample".
func column(line string) understudy.Column {
	parts := strings.Split(line, " | ")
	words := strings.SplitN(parts[0], " ", 3)
	return understudy.Column{Table: "public." + words[0], Name: words[1], Type: words[2], Samples: parts[1:]}
}

func TestClassify_FindsWhatIsPersonal(t *testing.T) {
	for line, want := range map[string]Class{
		// by name, in several languages and spellings
		"account email text": ClassEmail, "account contactEmail varchar(80)": ClassEmail, "kunden kundenemail text": ClassEmail, "x correo_electronico text": ClassEmail,
		"account phone_number text": ClassPhone, "x handy text": ClassPhone, "x téléphone text": ClassPhone, "x phone2 bigint": ClassPhone,
		"account first_name text": ClassName, "x nachname text": ClassName, "x ship_name text": ClassName, "users username text": ClassName, "users name text": ClassName, "kunde name text": ClassName,
		"orders ship_street text": ClassAddress, "x Straße text": ClassAddress, "x city text": ClassAddress, "x plz text": ClassPostcode, "x zip_code integer": ClassPostcode,
		"x iban text": ClassIBAN, "x card_number text": ClassCard, "x steuer_id text": ClassNational, "x passport_no text": ClassNational,
		"account birth_date date": ClassBirth, "x geburtsdatum text": ClassBirth, "account dob timestamp without time zone": ClassBirth,
		"x last_login_ip text": ClassIP, "x a inet": ClassIP, "x a macaddr": ClassMAC, "x a point": ClassLocation,
		"session access_token text": ClassToken, "session id_token uuid": ClassToken, "x api_key bytea": ClassToken, "users password_hash text": ClassPassword, "x motDePasse text": ClassPassword,
		"orders note text": ClassText, "ticket body text": ClassText, "x bemerkung text": ClassText, "x emails text[]": ClassEmail,
		"x diagnosis text": ClassSensitive, "x salary numeric(10,2)": ClassSensitive, "x passport_scan bytea": ClassPicture, "x photo bytea": ClassPicture,
		// by samples, whatever the name
		"x a text | anna@gmail.com | ben@web.de":                                         ClassEmail,
		"x a text[] | {anna@gmail.com,NULL} | {}":                                        ClassEmail,
		"x a text | +49 151 23456789 | +43 660 1234567":                                  ClassPhone,
		"x a text | 0151 23456789 | 030 123456 | 0171 9876543":                           ClassPhone,
		"x a text | DE89 3704 0044 0532 0130 00 | FR1420041010050500013M02606":           ClassIBAN,
		"x a text | 4111111111111111 | 5500 0000 0000 0004":                              ClassCard,
		"x a bigint | 4111111111111111 | 5500000000000004":                               ClassCard,
		"x a text | 123-45-6789 | 987-65-4320":                                           ClassNational,
		"x a text | RSSMRA85T10A562S | BNCMRC80A01H501X":                                 ClassNational,
		"x a text | 12345678Z | 87654321X":                                               ClassNational,
		"x a text | 44051401359 | 02070803628":                                           ClassNational,
		"x a text | 10.1.2.3 | 2001:db8::1":                                              ClassIP,
		"x a text | 08:00:2b:01:02:03":                                                   ClassMAC,
		"x a text | $2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy":        ClassPassword,
		"x a text | 8f14e45fceea167a5a36dedd4bea2543 | c9f0f895fb98ab9159f51fd0297e236d": ClassToken,
		"x a text | AKIAIOSFODNN7EXAMPLE":                                                ClassToken,
		"x a text | Anna Moser | Ben Huber | Clara Gruber":                               ClassName,
		"x a text | see you tomorrow | fine | write to anna@gmail.com | ok":              ClassText,
		"x a text | call +49 151 23456789 please | b | c | d":                            ClassText,
		"x a text | pay to DE89370400440532013000 | b | c | d":                           ClassText,
		`x a jsonb | {"contact": {"email": "x"}} | {}`:                                   ClassJSON,
		`x a text | {"user": {"name": "x"}}`:                                             ClassJSON,
		`x a jsonb | {"anna@x.de": {"phone": "1"}}`:                                      ClassJSON,
		"x contact_email jsonb":                                                          ClassEmail,
	} {
		found := Classify(column(line))
		if found.Class != want || found.Reason == "" {
			t.Errorf("%s is %q (%s), expected %q", line, found.Class, found.Reason, want)
		}
		for _, sample := range column(line).Samples {
			if len(sample) > 2 && strings.Contains(found.Reason, sample) {
				t.Errorf("%s: the reason %q shows a sample", line, found.Reason)
			}
		}
	}
}

func TestClassify_LeavesAloneWhatIsNot(t *testing.T) {
	for _, line := range []string{
		"product title text | Blue Widget | Red Widget", "product name text | Widget 3000 | Table", "product description text | A fine table.",
		"orders id bigint | 1 | 2 | 3", "orders total numeric(12,2) | 12.50", "orders status order_status | new | paid", "orders placed_at timestamp with time zone | 2024-01-31 10:00:00+00",
		"account email_verified boolean", "account email_verified_at timestamp with time zone", "account phone_type text | home | work", "account email_count integer | 3",
		"account password_changed_at timestamp with time zone", "account is_member boolean", "account marketing boolean", "account country character(2) | DE | AT",
		"product sku text | SKU-0000001 | SKU-0000002", "product slug text | blue-widget-deluxe-edition-2024 | red-widget-deluxe-edition-2023", "file sha256 text | 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 | 8f14e45fceea167a5a36dedd4bea2543",
		"x ref uuid", "x ref text | 6ba7b810-9dad-11d1-80b4-00c04fd430c8 | 6ba7b811-9dad-11d1-80b4-00c04fd430c8", "x version text | 1.2.3 | 2.0.1", "x day text | 2024-01-31 | 2024-02-01 | 2024-02-02",
		"x num text | 1000000001 | 1000000002 | 1000000003", "x a bigint | 1753000000000000001 | 1753000000000000002 | 1753000000000000003 | 1753000000000000004 | 1753000000000000005",
		`x settings jsonb | {"theme": "dark", "size": 12}`, "x email_template text | welcome", "x a time without time zone",
	} {
		if found := Classify(column(line)); found.Class.Personal() || found.Class == "" {
			t.Errorf("%s is taken for %q: %s", line, found.Class, found.Reason)
		}
	}
}

func TestClassify_BelievesTheComment(t *testing.T) {
	c := understudy.Column{Table: "public.x", Name: "a1", Type: "text", Comment: "E-mail address of whoever pays"}
	if found := Classify(c); found.Class != ClassEmail || !strings.Contains(found.Reason, "comment") {
		t.Errorf("found %+v", found)
	}
	c.Comment = "PII, do not export"
	if !Classify(c).Class.Personal() {
		t.Error("PII in the comment was not seen")
	}
	c.Comment, c.Type = "whether a phone number was given", "boolean"
	if Classify(c).Class.Personal() {
		t.Error("a truth value was taken for personal")
	}
}

func TestClassify_ReadsDocumentsThatWereCutOff(t *testing.T) {
	c := understudy.Column{Table: "public.x", Name: "payload", Type: "jsonb", Samples: []string{`{"user": {"email": "anna@x.de", "text": "cut o`}}
	if paths := ClassifyPaths(c); len(paths) != 1 || paths[0].Path != "user.email" {
		t.Errorf("found %v", paths)
	}
}

func TestClassify_NeverShowsAKeyThatIsData(t *testing.T) {
	c := understudy.Column{Table: "public.x", Name: "seen", Type: "jsonb", Samples: []string{`{"anna@x.de": {"phone": "+49 151 2345678"}}`}}
	paths := ClassifyPaths(c)
	if len(paths) != 1 || paths[0].Path != "*.phone" {
		t.Errorf("found %v", paths)
	}
}

func TestClassify_LooksIntoXMLAndHstoreByPath(t *testing.T) {
	for want, c := range map[string]understudy.Column{
		"person.@phone person.email": {Type: "xml", Samples: []string{`<person id="1" phone="+49 151 2345678"><email>anna@x.de</email><size>3</size></person>`, `<person><email>cut o`}},
		"e_mail":                     {Type: "hstore", Samples: []string{`"e_mail"=>"anna@x.de", "theme"=>"dark", "seen"=>NULL`, `"e_mail"=>"cut`}},
	} {
		c.Table, c.Name = "public.x", "profile"
		if found := Classify(c); found.Class != ClassJSON || !found.Document {
			t.Errorf("%s is %+v", c.Type, found)
		}
		var personal []string
		for _, p := range ClassifyPaths(c) {
			if p.Class.Personal() {
				personal = append(personal, p.Path)
			}
		}
		if strings.Join(personal, " ") != want {
			t.Errorf("of %s, personal are %v", c.Type, personal)
		}
		text, undecided := Plan([]understudy.Column{c}, Policy{})
		if undecided != 0 || !strings.Contains(string(text), "{"+c.Type+": {") {
			t.Errorf("%d undecided in\n%s", undecided, text)
		}
	}
}

func TestClassify_TakesAColumnWhoseValuesTheSchemaLaysDownForAStatus(t *testing.T) {
	c := understudy.Column{Table: "public.x", Name: "a", Type: "text", Allowed: []string{"new", "paid"}, Samples: []string{"new"}}
	if found := Classify(c); found.Class != ClassStatus || found.Weak {
		t.Errorf("found %+v", found)
	}
}

func TestClassify_SeesATableInTheLightOfItsColumns(t *testing.T) {
	columns := []understudy.Column{
		{Table: "public.party", Name: "name", Type: "text"},
		{Table: "public.party", Name: "date_of_birth", Type: "date"},
		{Table: "public.party", Name: "provider", Type: "text"},
		{Table: "public.party", Name: "uid", Type: "text"},
	}
	var got []Class
	for _, finding := range ClassifyTable(columns) {
		got = append(got, finding.Class)
	}
	if want := []Class{ClassName, ClassBirth, ClassStatus, ClassToken}; !slices.Equal(got, want) {
		t.Errorf("found %q, expected %q", got, want)
	}
	if alone := Classify(columns[0]); alone.Class != ClassWords || !alone.Weak {
		t.Errorf("a name alone is %+v", alone)
	}
}
