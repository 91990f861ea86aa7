package heap

import "encoding/binary"

// checksumLanes is how many sums are made side by side.
const checksumLanes = 32

// fnvPrime is the prime of the FNV-1a hash that the server's checksum is made of.
const fnvPrime = 16777619

// Checksum is what a page must carry as pd_checksum when it is block of its relation's
// fork: the server's pg_checksum_page (checksum_impl.h). What the page carries now does
// not matter.
func Checksum(page []byte, block uint32) uint16 {
	sums := checksumBases()
	word := func(at int) uint32 { return binary.LittleEndian.Uint32(page[at:]) }
	for row := 0; row < PageSize; row += 4 * checksumLanes {
		lanes := page[row : row+4*checksumLanes]
		for lane := range sums {
			value := binary.LittleEndian.Uint32(lanes[4*lane:])
			if row == 0 && lane == checksumWord { // the checksum itself counts as zero
				value = word(8) &^ 0xffff
			}
			mixed := sums[lane] ^ value
			sums[lane] = mixed*fnvPrime ^ mixed>>17
		}
	}
	var whole uint32
	for _, sum := range sums {
		for range 2 {
			sum = sum*fnvPrime ^ sum>>17
		}
		whole ^= sum
	}
	return uint16((whole^block)%65535 + 1)
}

// checksumWord is the word of a page whose lower half is the checksum.
const checksumWord = 2

func checksumBases() [checksumLanes]uint32 {
	return [checksumLanes]uint32{
		0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
		0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
		0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
		0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756,
	}
}
