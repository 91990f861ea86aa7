package mask

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"understudy"
)

// dictionary is names of one language to choose from.
type dictionary struct{ first, last []string }

func dictionaries() map[string]dictionary {
	return map[string]dictionary{
		"de": {strings.Fields(firstGerman), strings.Fields(lastGerman)},
		"en": {strings.Fields(firstEnglish), strings.Fields(lastEnglish)},
		"es": {strings.Fields(firstSpanish), strings.Fields(lastSpanish)},
		"fr": {strings.Fields(firstFrench), strings.Fields(lastFrench)},
		"it": {strings.Fields(firstItalian), strings.Fields(lastItalian)},
	}
}

func localeList() string { return "de, en, es, fr, it" }

// makeName masks the words of a name, or, with a locale, puts names of a dictionary in
// their place: read like names, but many people share one, so that such a column cannot be
// unique. Equal words, whatever their case, get equal names.
func makeName(k *keyed, _ columnType, r Rule) (appendFunc, error) {
	if r.Option == "" {
		return func(dst, value []byte) ([]byte, error) { return k.words(dst, value), nil }, nil
	}
	locale, part, _ := strings.Cut(r.Option, " ")
	names, found := dictionaries()[locale]
	if !found || !slices.Contains([]string{"", "first", "last"}, part) {
		return nil, understudy.Errorf(understudy.KindInvalid, "name has no option %q", r.Option).
			WithHint("locales: %s; write `first` or `last` behind one for a column that has only those", localeList())
	}
	return func(dst, value []byte) ([]byte, error) {
		last := lastWord(value)
		for at := 0; at < len(value); {
			length := wordLength(value[at:])
			if length == 0 {
				_, n := utf8.DecodeRune(value[at:])
				dst, at = append(dst, value[at:at+n]...), at+n
				continue
			}
			list, purpose := names.first, "first name"
			if part == "last" || part == "" && at == last {
				list, purpose = names.last, "last name"
			}
			word := value[at : at+length]
			dst = appendNamed(dst, list[k.choose(purpose, bytes.ToLower(word), len(list))], word)
			at += length
		}
		return dst, nil
	}, nil
}

// lastWord is where the last run of letters of a value begins: the surname.
func lastWord(value []byte) int {
	last := 0
	for at := 0; at < len(value); {
		length := wordLength(value[at:])
		if length > 0 {
			last = at
		}
		_, n := utf8.DecodeRune(value[at:])
		at += max(length, n)
	}
	return last
}

// choose draws a number below n by the key, the same for the same value.
func (k *keyed) choose(purpose string, value []byte, n int) int {
	s := k.take(purpose)
	defer k.give(s)
	s.structure = append(s.structure, value...)
	k.seal(s)
	return int(binary.BigEndian.Uint32(s.mixed[:]) % uint32(n))
}

// appendNamed writes a name in the case of the word it stands for.
func appendNamed(dst []byte, name string, word []byte) []byte {
	first, size := utf8.DecodeRune(word)
	switch {
	case unicode.IsLower(first):
		return append(dst, strings.ToLower(name)...)
	case len(word) > size && bytes.Equal(word, bytes.ToUpper(word)):
		return append(dst, strings.ToUpper(name)...)
	default:
		return append(dst, name...)
	}
}

// The most usual names of each language, without accents that a column's encoding may lack.
const (
	firstGerman = `Anna Lena Julia Sarah Laura Katharina Sabine Petra Monika Ursula Claudia Susanne Birgit Heike Nicole Stefanie
Melanie Johanna Charlotte Emma Mia Hannah Sophie Marie Greta Ida Clara Frieda Martha Elisabeth Thomas Michael Andreas Stefan
Peter Klaus Wolfgang Jens Markus Christian Martin Tobias Sebastian Florian Felix Jonas Lukas Leon Paul Max Moritz Emil Karl
Friedrich Heinrich Otto Hans Ulrich Bernd Uwe`
	lastGerman = `Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Koch Bauer Richter Klein Wolf Neumann Schwarz
Zimmermann Braun Hofmann Hartmann Lange Schmitt Werner Krause Meier Lehmann Schmid Schulze Maier Herrmann Walter Huber Mayer
Kaiser Fuchs Peters Lang Scholz Weiss Jung Hahn Vogel Friedrich Keller Berger Winkler Roth Beck Lorenz Baumann Franke Albrecht
Schuster Simon Ludwig Winter Kraus Martin Schumacher`
	firstEnglish = `Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen Lisa Nancy Betty Margaret Sandra Ashley
Emily Kimberly Donna Michelle Carol Amanda Melissa Deborah Stephanie Rebecca Laura Helen Alice Grace James Robert John Michael
David William Richard Joseph Thomas Charles Daniel Matthew Anthony Mark Donald Steven Andrew Paul Joshua Kenneth Kevin Brian
George Timothy Ronald Edward Jason Jeffrey Ryan Jacob`
	lastEnglish = `Smith Johnson Williams Brown Jones Miller Davis Wilson Anderson Taylor Thomas Moore Jackson Martin Lee Thompson
White Harris Clark Lewis Robinson Walker Young Allen King Wright Scott Hill Green Adams Nelson Baker Hall Campbell Mitchell
Carter Roberts Phillips Evans Turner Parker Collins Edwards Stewart Morris Murphy Cook Rogers Morgan Cooper Peterson Bailey
Reed Kelly Howard Cox Ward Richardson Watson Brooks`
	firstSpanish = `Maria Carmen Ana Isabel Dolores Pilar Josefa Teresa Rosa Cristina Angeles Antonia Laura Marta Lucia Elena
Francisca Mercedes Paula Raquel Sara Beatriz Silvia Julia Patricia Irene Alba Rocio Andrea Sofia Antonio Jose Manuel
Francisco David Juan Javier Daniel Carlos Jesus Alejandro Miguel Rafael Pedro Angel Pablo Sergio Fernando Luis Jorge Alberto
Alvaro Diego Adrian Raul Ivan Ruben Enrique Oscar Ramon`
	lastSpanish = `Garcia Rodriguez Gonzalez Fernandez Lopez Martinez Sanchez Perez Gomez Martin Jimenez Hernandez Ruiz Diaz Moreno
Alvarez Romero Alonso Gutierrez Navarro Torres Dominguez Ramos Vazquez Ramirez Gil Serrano Morales Molina Blanco Suarez Castro
Ortega Delgado Ortiz Marin Rubio Nunez Medina Sanz Castillo Iglesias Cortes Garrido Santos Guerrero Lozano Cano Cruz Mendez
Flores Prieto Herrera Pena Leon Marquez Cabrera Gallego Calvo Vidal`
	firstFrench = `Marie Jeanne Francoise Monique Catherine Nathalie Isabelle Jacqueline Anne Sylvie Martine Madeleine Nicole
Suzanne Helene Christine Sophie Celine Sandrine Valerie Julie Camille Lea Manon Chloe Emma Louise Alice Juliette Charlotte
Jean Pierre Michel Andre Philippe Louis Rene Alain Jacques Bernard Marcel Daniel Roger Robert Paul Claude Christian Henri
Georges Nicolas Francois Laurent Thomas Julien Antoine Lucas Hugo Gabriel Arthur Jules`
	lastFrench = `Martin Bernard Thomas Petit Robert Richard Durand Dubois Moreau Laurent Simon Michel Lefebvre Leroy Roux David
Bertrand Morel Fournier Girard Bonnet Dupont Lambert Fontaine Rousseau Vincent Muller Lefevre Faure Andre Mercier Blanc Guerin
Boyer Garnier Chevalier Francois Legrand Gauthier Garcia Perrin Robin Clement Morin Nicolas Henry Roussel Mathieu Gautier
Masson Marchand Duval Denis Dumont Marie Lemaire Noel Meyer Dufour Meunier`
	firstItalian = `Maria Anna Giuseppina Rosa Angela Giovanna Teresa Lucia Carmela Caterina Francesca Antonietta Carla Elena
Concetta Rita Margherita Franca Paola Laura Giulia Chiara Sara Martina Valentina Alessia Elisa Silvia Federica Sofia Giuseppe
Giovanni Antonio Mario Luigi Francesco Angelo Vincenzo Pietro Salvatore Carlo Franco Domenico Bruno Paolo Michele Giorgio Aldo
Sergio Luciano Marco Andrea Alessandro Matteo Lorenzo Davide Simone Luca Stefano Roberto`
	lastItalian = `Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo Conti Costa Giordano Mancini
Rizzo Lombardi Moretti Barbieri Fontana Santoro Mariani Rinaldi Caruso Ferrara Galli Martini Leone Longo Gentile Martinelli
Vitale Lombardo Serra Coppola Marchetti Parisi Villa Conte Ferraro Ferri Fabbri Bianco Marini Grasso Valentini Messina Sala
Gatti Pellegrini Palumbo Sanna Farina Rizzi Monti Cattaneo Morelli Amato Silvestri`
)
