package classification

import (
	"fmt"
	"strings"
)

// Names are drawn from lists of their own, not from those that the classifier knows; they
// share what is common, as real ones do.
const (
	firstNames = "Aaliyah,Adrian,Aisha,Alejandro,Alice,Amir,Anna,Beatrice,Bogdan,Carla,Chen,Chukwu,Claire,Daniel,Deborah,Dieter,Elena,Emeka,Emma,Farid,Felix,Fiona,Gerhard,Grace,Hannah,Hassan,Ibrahim,Ingrid,Ioana,Jack,James,Jasmine,Joao,John,Julia,Kaito,Karin,Kofi,Lars,Laura,Lukas,Maria,Mark,Mateo,Michael,Nadia,Noah,Olivia,Omar,Paula,Peter,Priya,Rachel,Ravi,Rosa,Ruth,Samuel,Sofia,Svetlana,Thomas,Tomasz,Valentina,Wei,Yuki,Zeynep"
	lastNames  = "Abiodun,Adams,Andersson,Bauer,Becker,Brown,Castillo,Chen,Costa,Davies,Diaz,Dubois,Eriksen,Fischer,Garcia,Haddad,Hansen,Hoffmann,Ionescu,Jansen,Johnson,Khan,Kowalski,Kumar,Larsen,Lopez,Martin,Meyer,Mueller,Nakamura,Nowak,O'Brien,Okafor,Olsen,Patel,Petrov,Rossi,Schmidt,Silva,Singh,Smith,Tanaka,Taylor,Weber,Wilson,Yilmaz,Zhang"
	plainWords = "about,again,all,always,and,before,been,better,but,came,check,could,day,done,early,every,few,first,for,from,good,great,have,here,into,just,know,last,later,less,long,made,many,more,most,much,need,next,not,now,only,other,over,part,please,really,right,same,see,should,small,some,still,such,than,thanks,that,the,them,then,there,they,thing,this,time,today,very,was,week,well,were,what,when,which,will,with,work,would"
	cities     = "Lyon,Porto,Gdansk,Leeds,Austin,Denver,Graz,Bergen,Ghent,Turin,Seville,Osaka,Pune,Lagos,Quito,Perth,Halifax,Tampa,Boise,Kassel,Ulm,Utrecht"
	streets    = "Oak Avenue,Mill Road,Station Street,Church Lane,Birch Way,Harbour Road,King Street,Lindenweg,Gartenstrasse,Rue de la Paix,Via Roma,Calle Mayor"
	companies  = "Northside,Blue River,Granite,Lakeview,Summit,Redwood,Harbor,Pioneer,Atlas,Beacon,Cedar,Delta"
	things     = "lamp,chair,kettle,bottle,notebook,backpack,jacket,cable,filter,carpet,mirror,pump"
	agents     = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/%d.0 Safari/537.36,Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Gecko/20100101 Firefox/%d.0,Mozilla/5.0 (iPhone; CPU iPhone OS %d_0 like Mac OS X)"
	hosts      = "example.org,example.com,shop.example.net,news.example.com,blog.example.org"
	mailHosts  = "example.com,example.org,mail.example.net,post.example.com"
)

// maker of the values of a kind; nil for one that has none.
func (m maker) maker(kind string) func() string {
	if prefix, is := strings.CutPrefix(kind, "extid:"); is {
		return func() string { return prefix + "_" + m.base64(12) }
	}
	return m.kinds()[kind]
}

// kinds are the kinds by name, each with its maker.
func (m maker) kinds() map[string]func() string {
	all := map[string]func() string{}
	for _, some := range []map[string]func() string{m.ofPeople(), m.ofPlaces(), m.ofDoors(), m.ofMachines(), m.ofTheHouse()} {
		for kind, make := range some {
			all[kind] = make
		}
	}
	return all
}

func (m maker) ofPeople() map[string]func() string {
	first, last := func() string { return m.one(firstNames) }, func() string { return m.one(lastNames) }
	handle := func() string { return strings.ToLower(m.one(firstNames)) + m.one(",_,.") + m.digits(1+m.IntN(3)) }
	return map[string]func() string{
		"salutation": func() string { return "Dear " + first() }, "first": first, "last": last, "name": func() string { return first() + " " + last() }, "username": handle,
		"personslug": func() string { return strings.ToLower(first() + "-" + strings.ReplaceAll(last(), "'", "")) },
		"email":      func() string { return handle() + "@" + m.one(mailHosts) },
		"phone":      func() string { return "+4915" + m.digits(9) },
		"phonenat":   func() string { return fmt.Sprintf("(%d) 555-%04d", 201+m.IntN(700), m.IntN(10000)) },
		"org":        func() string { return m.one(companies) + " " + m.one("Ltd,GmbH,Inc,Foods,Logistics,Partners") },
		"ssn":        func() string { return fmt.Sprintf("%03d-%02d-%04d", 100+m.IntN(700), 10+m.IntN(89), m.IntN(10000)) },
		"vat":        func() string { return "DE" + m.digits(9) }, "digits11": func() string { return m.digits(11) }, "digits9": func() string { return m.digits(9) },
		"birth":      func() string { return fmt.Sprintf("%d-%02d-%02d", 1940+m.IntN(70), 1+m.IntN(12), 1+m.IntN(28)) },
		"iban":       func() string { return "DE" + m.digits(20) },
		"last4":      func() string { return fmt.Sprintf("%04d", m.IntN(10000)) },
		"devicename": func() string { return first() + "'s " + m.one("iPhone,iPad,Pixel,MacBook") },
		"weburl":     func() string { return "https://" + strings.ToLower(first()) + "." + m.one(hosts) },
		"weborg": func() string {
			return "https://" + strings.ToLower(strings.ReplaceAll(m.one(companies), " ", "")) + ".example.com"
		},
	}
}

func (m maker) ofPlaces() map[string]func() string {
	street := func() string { return m.digits(1+m.IntN(3)) + " " + m.one(streets) }
	return map[string]func() string{
		"street": street, "line2": func() string { return m.one("Apt,Suite,Floor,Unit") + " " + m.digits(1+m.IntN(2)) }, "city": func() string { return m.one(cities) },
		"fulladdress": func() string { return street() + ", " + m.one(cities) + ", " + m.digits(5) },
		"pobox":       func() string { return "Postfach " + m.digits(3) }, "ukpost": func() string {
			return fmt.Sprintf("%s%d %d%s", m.one("SW,M,LS,EH,CF"), 1+m.IntN(20), 1+m.IntN(9), m.one("AB,QT,XY,LN"))
		},
		"postcode": func() string { return m.digits(5) }, "postcodeint": func() string { return m.digits(5) },
		"ziplist":  func() string { return m.digits(5) + ", " + m.digits(5) },
		"country":  func() string { return m.one("DE,AT,US,FR,BR,IN,JP,NG") },
		"region":   func() string { return m.one("CA,TX,Bavaria,Ontario,Lombardy,NSW,Kent") },
		"lang":     func() string { return m.one("en,de,fr,es,pt-BR,en-US") },
		"tz":       func() string { return m.one("Europe/Berlin,America/New_York,Asia/Tokyo,UTC,America/Sao_Paulo") },
		"currency": func() string { return m.one("EUR,USD,GBP,BRL,JPY") },
		"lat":      func() string { return fmt.Sprintf("%.6f", m.Float64()*140-70) }, "lon": func() string { return fmt.Sprintf("%.6f", m.Float64()*340-170) },
	}
}

func (m maker) ofDoors() map[string]func() string {
	return map[string]func() string{
		"hex": func() string { return m.hex(20) }, "hexshort": func() string { return m.hex(5) }, "sha": func() string { return m.hex(32) }, "base64": func() string { return m.base64(24) },
		"base32": func() string {
			return strings.ToUpper(strings.NewReplacer("0", "Q", "1", "R", "8", "S", "9", "T").Replace(m.hex(16)))
		},
		"cipher": func() string { return m.base64(60) + "==" }, "jwt": func() string { return "eyJ" + m.base64(15) + "." + m.base64(60) + "." + m.base64(32) },
		"bcrypt": func() string { return "$2a$12$" + strings.NewReplacer("-", ".", "_", "/").Replace(m.base64(40))[:53] }, "phpass": func() string { return "$P$B" + m.base64(23)[:30] },
		"plainpw": func() string { return m.one(things) + m.digits(4) + m.one("!,?,#") }, "secret": func() string { return "pi_" + m.base64(18) + "_secret_" + m.base64(18) },
		"signedurl": func() string { return "https://forms.example.com/sign/" + m.base64(24) }, "shortid": func() string { return strings.ToLower(m.base64(5)) },
		"typeid": func() string { return "obj_01" + strings.ToLower(m.hex(12)) },
	}
}

func (m maker) ofMachines() map[string]func() string {
	return map[string]func() string{
		"uuid": m.uuid, "int": func() string { return m.digits(1 + m.IntN(5)) }, "bigint": func() string { return m.digits(17) }, "money": func() string { return fmt.Sprintf("%.2f", m.Float64()*500) },
		"bool": func() string { return m.one("t,f") }, "jbool": func() string { return m.one("true,false") }, "jint": func() string { return m.digits(1 + m.IntN(2)) },
		"time": func() string {
			return fmt.Sprintf("2026-%02d-%02d %02d:%02d:%02d", 1+m.IntN(12), 1+m.IntN(28), m.IntN(24), m.IntN(60), m.IntN(60))
		},
		"timetext": func() string {
			return fmt.Sprintf("2026-%02d-%02dT%02d:%02d:%02dZ", 1+m.IntN(12), 1+m.IntN(28), m.IntN(24), m.IntN(60), m.IntN(60))
		},
		"day": func() string { return fmt.Sprintf("2026-%02d-%02d", 1+m.IntN(12), 1+m.IntN(28)) },
		"ip":  func() string { return fmt.Sprintf("%d.%d.%d.%d", 1+m.IntN(223), m.IntN(255), m.IntN(255), m.IntN(255)) },
		"ua":  func() string { return fmt.Sprintf(m.one(agents), 90+m.IntN(40)) },
		"url": func() string { return "https://" + m.one(hosts) + "/" + m.one(things) + "/" + m.digits(3) }, "path": func() string { return "/" + m.one(things) + "/" + m.one(things) }, "query": func() string { return m.one(things) + "=" + m.digits(3) },
		"domain": func() string { return m.one(things) + ".example.com" }, "version": func() string { return m.digits(1) + "." + m.digits(1) + "." + m.digits(1) },
		"mime": func() string { return m.one("image/png,text/html,application/pdf,audio/mpeg") }, "etag": func() string { return `W/"` + m.hex(8) + `"` },
		"bytes": func() string { return `\x` + m.hex(24) }, "screen": func() string { return m.one("1920x1080,390x844,1440x900") }, "model": func() string { return "iPhone" + m.digits(2) + "," + m.digits(1) },
		"dataurl": func() string { return "data:image/png;base64," + m.base64(90) }, "filename": func() string { return m.one(things) + "-" + m.digits(2) + ".gpx" },
		"figi": func() string { return "BBG" + strings.ToUpper(m.hex(4)) + "Q" }, "isin": func() string { return "US" + m.digits(10) }, "ticker": func() string { return m.one("AAPL,MSFT,VWCE,BTC,SAP,ASML") },
		"id26": func() string {
			return strings.ToLower(strings.NewReplacer("-", "a", "_", "b").Replace(m.base64(20)))[:26]
		}, "devid": func() string { return "android_rn:" + m.base64(60) },
		"sshkey": func() string { return "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5" + m.base64(32) }, "digits6": func() string { return m.digits(6) },
		"digits12": func() string { return m.digits(12) }, "tsvector": func() string { return "'" + m.one(things) + "':1 '" + m.one(things) + "':4" },
		"errors": func() string { return "unable to fetch this resource (status " + m.digits(3) + ")" },
	}
}

func (m maker) ofTheHouse() map[string]func() string {
	return map[string]func() string{
		"prose": m.prose, "html": func() string { return "<p>" + m.prose() + "</p>" },
		"title":   func() string { return strings.ToUpper(m.one(things)[:1]) + m.words(3+m.IntN(4)) },
		"product": func() string { return m.one("Small,Large,Blue,Oak,Steel") + " " + m.one(things) + " " + m.digits(2) }, "words": func() string { return m.one("Main,Spare,Weekly,Old,New") + " " + m.one(things) },
		"slug": func() string { return m.one(things) + "-" + m.one(things) }, "code": func() string { return m.one("R,ORD-,AB-,X") + m.digits(6) },
		"band": func() string { return "The " + m.one("Loud,Silent,Velvet,Electric") + " " + m.one(things) + "s" },
		"css":  func() string { return "." + m.one(things) + " { margin: " + m.digits(1) + "px }" }, "packing": func() string { return m.digits(2) + " boxes x " + m.digits(2) + " bags" },
	}
}
