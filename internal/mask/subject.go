package mask

import (
	"slices"
	"strings"

	"understudy"
)

// subject is what a table is about, as far as its columns' names depend on it.
type subject struct {
	people        bool // its rows are persons
	messages      bool // its rows are what people wrote
	organisations bool // its rows are companies
	addresses     bool // its rows are where people live
	secrets       bool // its rows open doors
	house         bool // its rows are what a house offers
	identities    bool // its rows name a service beside who somebody is there
	social        bool // its rows are links of persons
	head          string
}

// subjectOf goes by the last word of the table's name, and by columns that only persons
// have or that somebody wrote.
func subjectOf(table string, columns []understudy.Column) subject {
	parts := splitName(table)
	words := wordsOf(parts[len(parts)-1])
	var s subject
	if len(words) > 0 {
		head := words[len(words)-1]
		if listed(" profile profiles ", head) && len(words) > 1 {
			head = words[len(words)-2] // of whom it is
		}
		s = subject{
			people: listed(people, head), messages: listed(messages, head), organisations: listed(organisations, head),
			addresses: listed(addresses, head), secrets: listed(secrets, head), house: listed(house, head), social: hasListed(words, social), head: head,
		}
	}
	authored := false
	for _, c := range columns {
		name := strings.Join(wordsOf(c.Name), "")
		s.people = s.people || listed(onlyPeople, name)
		s.identities = s.identities || listed(besideAccounts, name)
		authored = authored || listed(authors, name)
	}
	if listed(applications, s.head) && anyColumn(columns, programs) {
		s.people = false
	}
	if authored && !s.people && !s.house {
		s.messages = s.messages || hasLongText(columns)
	}
	return s
}

// ownWords are the words of a column's name without those that only repeat its table's:
// post_content of wp_posts is content.
func (s subject) ownWords(words []string) []string {
	if len(words) > 1 && s.head != "" && (words[0] == s.head || words[0]+"s" == s.head || strings.TrimSuffix(words[0], "y")+"ies" == s.head) {
		return words[1:]
	}
	return words
}

// anyColumn tells whether a table has one of the columns of a list.
func anyColumn(columns []understudy.Column, list string) bool {
	return slices.ContainsFunc(columns, func(c understudy.Column) bool { return listed(list, strings.Join(wordsOf(c.Name), "")) })
}

// hasLongText tells whether a table has a column for prose.
func hasLongText(columns []understudy.Column) bool {
	for _, c := range columns {
		name := strings.Join(wordsOf(c.Name), "")
		if parseType(c.Type).family == familyText && listed(prose, name) {
			return true
		}
	}
	return false
}

// onlyPeople are columns that only tables about persons have.
const onlyPeople = ` firstname lastname surname givenname familyname fullname birthdate dateofbirth dob birthday gender
	passwordhash passworddigest encryptedpassword hashedpassword vorname nachname geburtsdatum prenom apellido apellidos cognome `

// authors are columns that name who wrote a row.
const authors = ` authorid userid createdbyid postedby writerid senderid commenterid accountid memberid recipient recipientid author sender writer posterid creatorid createdby ownerid `

// prose are columns for more than a line.
const prose = ` body content contents text message comment excerpt html description `

// besideAccounts are columns that name where somebody has an account.
const besideAccounts = ` provider authprovider identityprovider oauthprovider loginprovider `

// social are words of tables about the links of persons.
const social = ` social contact profile `

// applications are tables that may be of programs, which sign in as persons do, and
// programs are the columns that show it.
const (
	applications = ` client clients application applications app apps agent agents `
	programs     = ` secret clientsecret redirecturi redirecturis rooturl baseurl granttypes scopes `
)
