package mask

import "testing"

// What masks make of a value is the same for as long as the key is: twins of last year,
// captures of traffic and tests that quote masked values rest on it. Whoever changes a
// cipher has to find these changed, and to say so to everybody who has a twin.
func TestMasks_MakeTheSameOfAValueAsEver(t *testing.T) {
	for _, c := range []struct {
		typ, value string
		rule       Rule
		want       string
	}{
		{"text", "Anna.Moser@gmail.com", Rule{Mask: "email"}, "Bkss.Weghf@zjfk.test"},
		{"text", "info@moser-soehne.de", Rule{Mask: "email"}, "pwkd@rcbam-zdrits.g7"},
		{"text", "info@moser-soehne.de", Rule{Mask: "email", Option: "grow"}, "pwkd@rcbam-zdrits.cq.test"},
		{"text", "Anna Müller-Lüdenscheidt", Rule{Mask: "name"}, "Bbid Kíhvwo-Sõfxznpaxgwr"},
		{"text", "Anna Müller", Rule{Mask: "name", Option: "de"}, "Sabine Baumann"},
		{"text", "+49 151 2345678", Rule{Mask: "phone"}, "+49 399 2342810"},
		{"text", "Hauptstr. 12", Rule{Mask: "address"}, "Qtecvqbn. 50"},
		{"text", "10115", Rule{Mask: "postcode"}, "71514"},
		{"text", "4111 1111 1111 1111", Rule{Mask: "card"}, "4179 5724 1619 8955"},
		{"text", "DE89 3704 0044 0532 0130 00", Rule{Mask: "iban"}, "DE19 4986 2972 7198 5776 31"},
		{"text", "GB33BUKB20201555555555", Rule{Mask: "iban"}, "GB13LFMV39015859292057"},
		{"text", "86095742719", Rule{Mask: "national"}, "73484750419"},
		{"date", "1980-02-29", Rule{Mask: "date"}, "1978-03-17"},
		{"integer", "4711", Rule{Mask: "number"}, "4819"},
		{"integer", "2000000000", Rule{Mask: "number"}, "2112821652"},
		{"bigint", "123456789012", Rule{Mask: "number"}, "250681869706"},
		{"numeric(12,2)", "1234.50", Rule{Mask: "rank"}, "1885.97"},
		{"text", "ghp_aB3dE5gH7iJ9kL1mN3pQ5rS7tU9vW1xY3z", Rule{Mask: "token"}, "kzl_oK1cY2dV6jA3wB7eO2oU7dU5jC8mM1dV2p"},
		{"text", "5f4dcc3b5aa765d61d8327deb882cf99", Rule{Mask: "token"}, "b34bba3d39adff3e9237080a4b17fc76"},
		{"uuid", "6ba7b810-9dad-41d1-80b4-00c04fd430c8", Rule{Mask: "uuid"}, "4ad8a941-14f3-4531-8c41-52d0a439d870"},
		{"inet", "192.168.1.7", Rule{Mask: "ip"}, "226.142.1.8"},
		{"inet", "2001:db8::1", Rule{Mask: "ip"}, "e5b7:74b::7"},
		{"cidr", "10.1.0.0/16", Rule{Mask: "ip"}, "197.237.0.0/16"},
		{"text", "https://anna@www.moser.de:8443/u/anna?mail=anna%40x.de", Rule{Mask: "url"}, "https://yrxe@tey.zcogo.7w:8443/u/szge?uwkd=pwkk%5Fe.re"},
		{"text", "Bitte +49 151 2345678 anrufen oder an anna@gmail.com schreiben, danke! Anna Müller", Rule{Mask: "text"}, "Kgiag +49 399 2342810 ppkqvtp upwy yo iczv@zjfk.test edhxilqlg, uekjt! Kpak Lãiori"},
		{"text", "anna", Rule{Mask: "hash"}, "32b9810a27da007a71a2f2cb86724053"},
		{"text[]", `{anna@x.de,NULL,"b c"}`, Rule{Mask: "text"}, `{iczv@r.j9,NULL,"w n"}`},
		{"jsonb", `{"a": "anna@x.de", "n": 12, "b": ["Anna"]}`, Rule{Mask: maskJSON, JSON: map[string]Rule{"n": {Mask: "number"}, "b": {Mask: "name"}}}, `{"a": "iczv@r.j9", "n": 84, "b": ["Bbid"]}`},
	} {
		if got := ruled(t, c.typ, c.rule)(c.value); got != c.want {
			t.Errorf("%s %q by %v became\n%q, it used to become\n%q", c.typ, c.value, c.rule, got, c.want)
		}
	}
}
