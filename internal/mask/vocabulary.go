package mask

import (
	"strings"
	"sync"
	"unicode"
)

// vocabulary is what columns with personal data are called, by what they hold. A phrase
// of several words is written as one; letters are lower case and without accents. The
// languages are those of most schemas: English, German, French, Spanish, Italian,
// Portuguese, Dutch, Polish, the Nordic ones.
func vocabulary() map[Class]string {
	return map[Class]string{
		ClassEmail: `email emails mail emailaddress mailaddress emailadresse mailadresse courriel correo
			correoelectronico epost epostadresse sahkoposti gmail replyto mailto emailid loginemail`,
		ClassPhone: `phone phones phonenumber telephone tel telefon telefono telefone telefoon telefonnummer
			telefoonnummer mobile mobil mobilenumber mobilephone handy handynummer cell cellphone portable
			cellulare celular fax faxnumber msisdn whatsapp rufnummer numerotelephone komorka puhelin`,
		ClassName: `firstname lastname fullname surname forename givenname familyname middlename maidenname
			birthname nickname displayname realname legalname personname contactname customername username
			accountname holdername accountholder cardholder cardholdername recipientname shipname shippingname
			billingname sendername ownername employeename patientname guestname authorname membername
			vorname nachname familienname geburtsname benutzername anzeigename kundenname ansprechpartner
			empfaenger empfanger prenom nomdefamille nomcomplet nomutilisateur apellido apellidos primerapellido
			nombrecompleto nombreusuario cognome nomecompleto sobrenome voornaam achternaam gebruikersnaam
			imie nazwisko imienazwisko fornavn etternavn efternamn fornamn firstnames lastnames fname lname
			beneficiary payee nextofkin salutation anrede emergencycontact loginname login signature initials
			user author sender recipient assignee reporter creator editor manager supervisor guardian contactperson createdby updatedby
			approvedby reviewedby`,
		ClassOrganisation: `company companyname institution institutionname business businessname employer employername firm firmname legalname tradename
			organizationname organisationname firma firmenname entreprise raisonsociale empresa azienda bedrijf bedrijfsnaam`,
		ClassAddress: `address addressline address1 address2 addressline1 addressline2 street streetname
			streetaddress pobox postbox postfach boitepostale careof addresscareof housenumber locality fulladdress houseno city town shippingaddress billingaddress homeaddress
			postaladdress deliveryaddress shipstreet billstreet adresse strasse hausnummer ort wohnort stadt
			anschrift rue ville adressepostale direccion calle ciudad domicilio poblacion indirizzo citta
			comune endereco rua cidade adres straat woonplaats huisnummer ulica miasto gata gade`,
		ClassPostcode: `postcode postalcode zip zipcode plz postleitzahl codepostal codigopostal cep
			kodpocztowy postnummer postnr shippingzip billingzip`,
		ClassCard:     `last4 lastfour lastdigits last4digits lastfourdigits cardlast4 maskednumber maskedpan cardnumber creditcard creditcardnumber ccnumber ccnum pan kartennummer kreditkarte cartenumero numerotarjeta tarjeta numerocarta`,
		ClassIBAN:     `iban accnumber accountno bankaccountno bankaccount bankaccountnumber accountnumber kontonummer bankverbindung rib routingnumber sortcode cuentabancaria numeroconto conta clabe`,
		ClassNational: `ssn socialsecurity socialsecuritynumber nationalid nationalidnumber nationalinsurance nino taxid taxnumber vat identificationid identificationno identificationnumber passportid permitno permitnumber visano visanumber ssnid sin sinid taxidentificationnumber taxidentifier vatnumber companynumber registrationnumber legalnumber tin itin vatid passport passportnumber passportno idcard idcardnumber identitynumber driverlicense driverslicense licensenumber driverslicence sozialversicherungsnummer svnr steuerid steuernummer ausweisnummer personalausweis reisepass numerosecu nir insee dni nie nif curp rfc codicefiscale cpf cnpj bsn pesel dowod personnummer fodselsnummer cpr henkilotunnus aadhaar`,
		ClassBirth:    `birthdate dateofbirth dob born bornon birthday birth birthyear yearofbirth geburtsdatum geburtstag geburtsjahr naissance datenaissance datedenaissance fechanacimiento nacimiento datanascita nascita datanascimento nascimento geboortedatum dataurodzenia urodzenia fodselsdato fodelsedatum deathdate dateofdeath`,
		ClassIP:       `ip ipaddress ipaddr ipv4 ipv6 remoteip remoteaddr clientip lastip loginip lastloginip currentsigninip lastsigninip signupip ipadresse`,
		ClassMAC:      `mac macaddress macaddr macadresse deviceid imei imsi udid useragent devicename deviceinfo devicetoken fingerprint browserfingerprint serialnumber visitorid distinctid anonymousid`,
		ClassToken: `token tokens accesstoken refreshtoken authtoken sessiontoken resettoken apikey apisecret secret
			secretkey privatekey clientsecret sessionid sessionkey sessid csrf csrftoken otp otpsecret totpsecret totp
			mfasecret twofactorsecret recoverycode recoverycodes backupcodes verificationcode activationcode
			invitecode magiclink cookie credential credentials geheimnis jeton webhook webhookurl webhooklink webhooksecret signingkey encryptionkey consumerkey accesskey licensekey masterkey userkey authkey devicekey
			rememberdigest confirmationtoken googleid facebookid`,
		ClassPassword: `password passwd pwd passwordhash passwordhashed passworddigest hashedpassword encryptedpassword
			passhash passphrase pin pincode passcode userpass pass passwort kennwort motdepasse mdp contrasena clave senha wachtwoord haslo
			losenord passord salt passwordsalt`,
		ClassURL:      `homepage linkedin facebook twitter instagram xing skype telegram avatarurl photourl profileurl socialurl gravatar avatar`,
		ClassText:     `note notes comment comments remark remarks memo bio biography aboutme feedback bemerkung bemerkungen anmerkung kommentar notiz notizen nachricht freitext commentaire remarque nota notas comentario observacion observaciones commento osservazioni opmerking uwagi freetext deliveryinstructions instructions`,
		ClassLocation: `latitude longitude lat lng lon homelocation hometown birthplace placeofbirth geolocation gps coordinates breitengrad laengengrad langengrad`,
		ClassSensitive: `religion gender sex geschlecht sexe sexo genere race ethnicity nationality marital maritalstatus civilstatus causeofdeath healthinsurance insurance
			pregnant pay monthlypay payrate hourlyrate wages criminalrecord caste ethnicity diagnosis disability medical medicalhistory bloodtype allergies sexualorientation politicalparty unionmember salary income wage gehalt einkommen salaire salario konfession diagnose`,
		ClassPicture: `photo picture portrait selfie biometric idscan scan signatureimage lichtbild`,
	}
}

// people are tables about persons: "name" in one of them is a person's.
const people = ` staff sender senders guardian guardians parent parents child children volunteer volunteers donor donors actor actors
	judge judges agent agents driver drivers doctor doctors nurse nurses trainer trainers coach coaches attendee attendees participant participants
	respondent respondents reviewer reviewers candidate candidates player players beneficiary beneficiaries signatory signatories user users account accounts customer customers person persons people contact contacts employee
	employees member members patient patients client clients guest guests student students teacher teachers
	owner owners tenant tenants subscriber subscribers applicant applicants lead leads buyer buyers seller
	sellers recipient recipients passenger passengers visitor visitors author authors profile profiles
	kunde kunden benutzer nutzer mitarbeiter mitglied mitglieder person personen teilnehmer patienten
	clients utilisateur utilisateurs personne personnes employes cliente clientes usuario usuarios persona
	personas empleado utente utenti clienti dipendenti usuarios pessoas klant klanten gebruiker gebruikers
	klient klienci uzytkownik osoba `

// messages are tables of what people wrote: their body, subject and text are free text.
const messages = ` message messages note notes comment comments ticket tickets review reviews chat chats mail
	mails outbox inbox notification notifications letter letters sms issue issues topic topics thread threads discussion discussions story stories question questions answer answers email emails conversation conversations reply replies post posts feedback inquiry inquiries request
	requests nachricht nachrichten `

// The names that count only in such tables.
const (
	placesInPeople       = ` location place residence origin `
	inPeople             = ` name names nom nombre nome naam nazwa navn namn nimi login `
	linksInPeople        = ` url website link web blog site image `
	textInPeople         = ` description about `
	linksOfOrganisations = ` url website link web homepage `
	inAddresses          = ` line line1 line2 line3 addressline locality content street unit suite building floor extra `
	inSecrets            = ` value code key hash data secret `
	inMessages           = ` name body text content contents subject message description title excerpt summary caption question answer reply html plain plaintext `
	inOrganisations      = ` name names legalname title `
)

// organisations are tables about companies and their like.
const organisations = ` enterprise enterprises business businesses shop shops club clubs association associations school schools hospital hospitals
	institution institutions charity charities company companies organization organizations organisation organisations supplier suppliers vendor vendors
	merchant merchants employer employers partner partners firma firmen lieferant lieferanten entreprise entreprises empresa empresas
	azienda aziende bedrijf bedrijven `

// secrets are tables of what opens doors.
const secrets = ` factor factors mfa totp token tokens key keys apikey apikeys secret secrets credential credentials session sessions invite invites
	invitation invitations verification verifications passwordreset passwordresets otp `

// addresses are tables about where people live.
const addresses = ` address addresses adresse adressen direccion direcciones indirizzo indirizzi adres adressen location locations `

// house are tables of what a house offers or lays down: their words are its own.
const house = ` product products item items category categories plan plans catalog variant variants film films movie movies track tracks
	album albums book books course courses page pages template templates setting settings option options feature features tag tags
	brand brands property properties badge badges role roles permission permissions country countries produkt produkte artikel articulo
	articulos producto productos produit produits prodotto prodotti kategorie kategorien `

// roles are nouns for whom a column names; few values of one are no names.
const roles = ` user author sender recipient assignee reporter creator editor manager supervisor guardian `

// services are where people sign in with an account that they have elsewhere.
const services = ` google facebook github gitlab discord twitter apple microsoft linkedin openid openidconnect oidc saml oauth telegram slack auth
	auth0 okta keycloak azure ldap steam webauthn passkey wechat yahoo aim icq msn jabber xmpp signal snapchat tiktok mastodon bluesky vk viber threema matrix `

// technical are words of names whose prose a program wrote.
const technical = ` error errors exception log trace stack debug output help css style stylesheet sql `

// questions begin names that ask something: is_member.
const questions = ` is has was can should allow allows enable enabled use uses needs did do requires accepts hide show notify `

// warnings are what comments say of personal data.
const warnings = ` pii gdpr dsgvo rgpd personaldata personenbezogen `

// namedThings make a name another's than the person's.
const namedThings = ` product file host domain template event class theme table column role group team state region country city county
	program project list campaign browser os plan field model brand server service `

// notIdentifiers are words that end like a key's name.
const notIdentifiers = ` paid unpaid prepaid valid invalid void avoid grid hybrid fluid solid liquid rapid covid android overpaid humid `

// identifiers end the names of keys and references.
const identifiers = ` id ids uuid uuids guid uid pk fk oid nr `

// ofTheHouse are last words of names of things, which may be called like persons.
const ofTheHouse = ` title description product sku category brand label tag slug city street town region state country `

// ordinaryClasses are the classes that a name may speak for, in the order in which they are asked.
func ordinaryClasses() []Class {
	return []Class{ClassStatus, ClassMoment, ClassNumber, ClassRegion, ClassChecksum, ClassCode, ClassLink, ClassWords, ClassFlag}
}

// ordinaryVocabulary is what columns are called that hold nothing personal, by the last
// word of their names.
var ordinaryVocabulary = sync.OnceValue(func() map[Class]string {
	return map[Class]string{
		ClassStatus: `status state kind type types category categories level role roles stage phase priority severity mode
			visibility method scope scopes format direction channel platform event action provider strategy policy frequency
			preference preferences setting settings flag flags position tier plan group brand network protocol engine trigger result
			outcome topic resolution condition typ art zustand rolle klasse stufe`,
		ClassMoment: `at on date time timestamp since until created updated deleted changed expires expiry expiration expired day month year week hour datum zeit`,
		ClassNumber: `count counts amount total price sum size length width height weight quantity qty rate ratio percent percentage score
			rank order index limit offset duration seconds number attempts cents balance fee tax discount anzahl menge preis betrag betrage`,
		ClassRegion:   `country countrycode countries region state province county language languages locale lang timezone tz currency continent land staat waehrung sprache`,
		ClassChecksum: checksums,
		ClassCode: `sku code codes slug version path extension mimetype contenttype mime ean isbn barcode color colour icon font module
			controller model permission permissions namespace identifier prefix suffix algorithm algo encoding template layout theme
			handle key keys ref reference revision branch sha class queue job command unit unittype alias domain hostname host column table field query sql
			schema regex pattern rule rules config configuration options params`,
		ClassLink:  `url urls link links href uri website homepage site endpoint callback redirect feed`,
		ClassWords: `title name names label labels description descriptions summary caption heading headline tagline text content body subject instructions tags tag help hint message messages details product specification ingredients features`,
		ClassFlag:  `enabled disabled verified confirmed active visible hidden private public required valid allowed optin optout consent`,
	}
})

// isHead tells whether a last word makes a name speak of something else than the value
// itself: email_verified, phone_type, password_changed_at, token_count.
func isHead(word string) bool {
	if listed(identifiers, word) || listed(moreHeads, word) {
		return true
	}
	for _, class := range []Class{ClassStatus, ClassMoment, ClassNumber, ClassRegion, ClassFlag, ClassCode} {
		if class != ClassCode && listed(ordinaryVocabulary()[class], word) {
			return true
		}
	}
	return false
}

// moreHeads are such last words that are no class of their own.
const moreHeads = ` template templates size version algorithm algo sent bounced source color colour provider notification notifications reminder reminders
	digest confirmation validation verification domain server host port prefix suffix `

// checksums are names of digests that protect nothing.
const checksums = ` checksum digest sha sha1 sha256 sha512 md5 etag fingerprint commit revision hash `

// stems are words so telling that they count at the end of a longer one: kundenemail.
const stems = ` email phone telefon password passwd passwort firstname lastname surname username vorname
	nachname adresse strasse iban birthday geburtsdatum token secret apikey ipaddress postcode `

// listed tells whether a word stands in a list whose words are set apart by white space.
func listed(list, word string) bool {
	if word == "" {
		return false
	}
	for rest := list; ; {
		at := strings.Index(rest, word)
		if at < 0 {
			return false
		}
		end := at + len(word)
		if (at == 0 || isBlank(rest[at-1])) && (end == len(rest) || isBlank(rest[end])) {
			return true
		}
		rest = rest[end:]
	}
}

func isBlank(b byte) bool { return b == ' ' || b == '\n' || b == '\t' }

// wordsOf takes an identifier or a sentence apart: at everything that is no letter or
// digit and where lower case turns to upper, without accents.
func wordsOf(name string) []string {
	var words []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	lower := false
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
			lower = false
			continue
		case unicode.IsUpper(r) && lower:
			end()
		}
		lower = unicode.IsLower(r) || unicode.IsDigit(r)
		word.WriteString(plainLetter(unicode.ToLower(r)))
	}
	end()
	return words
}

// plainLetter writes a letter without its accent.
func plainLetter(r rune) string {
	for _, set := range [...][2]string{
		{"àáâãåāăą", "a"}, {"çćč", "c"}, {"èéêëēęě", "e"}, {"ìíîïī", "i"}, {"ñńň", "n"}, {"òóôõøō", "o"},
		{"ùúûūů", "u"}, {"ýÿ", "y"}, {"śš", "s"}, {"źżž", "z"}, {"łľ", "l"}, {"ťţ", "t"}, {"đď", "d"}, {"řŕ", "r"},
		{"ä", "a"}, {"ö", "o"}, {"ü", "u"}, {"ß", "ss"}, {"æ", "ae"}, {"œ", "oe"},
	} {
		if strings.ContainsRune(set[0], r) {
			return set[1]
		}
	}
	return string(r)
}
