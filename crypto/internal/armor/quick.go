package armor

import (
	"encoding/base64"
	"encoding/binary"
	"sync"
)

// Base64 is most of the work on a large file, and the standard library's takes
// twice the time of the loops here. They do the bulk; the standard library does
// short texts, the ends, and decides about everything that is not plain base64.

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// quickBytes is the size from which the tables are worth making.
const quickBytes = 4 << 10

// pairs gives two characters for twelve bits, the first one in the low byte.
var pairs = sync.OnceValue(func() *[1 << 12]uint16 {
	t := new([1 << 12]uint16)
	for i := range t {
		t[i] = uint16(alphabet[i>>6]) | uint16(alphabet[i&63])<<8
	}
	return t
})

// encodeQuick encodes src into dst as far as it goes without the end, in lines of
// lineBytes that end in LF, or on one line. It says how much of each is done.
func encodeQuick(dst, src []byte, wrapped bool) (written, read int) {
	t := pairs()
	if !wrapped {
		read = encodeSixes(dst, src, t)
		return read / 6 * 8, read
	}
	for len(src)-read >= lineBytes+2 && len(dst)-written > lineChars {
		encodeSixes(dst[written:written+lineChars], src[read:read+lineBytes+2], t)
		read += lineBytes
		written += lineChars
		dst[written] = '\n'
		written++
	}
	return written, read
}

// encodeSixes turns six bytes into eight characters for as long as eight bytes are
// there to be read, and says how many bytes it turned.
func encodeSixes(dst, src []byte, t *[1 << 12]uint16) (read int) {
	size := len(src)
	for len(src) >= 8 && len(dst) >= 8 {
		v := binary.BigEndian.Uint64(src)
		chars := uint64(t[v>>52]) | uint64(t[v>>40&0xfff])<<16 | uint64(t[v>>28&0xfff])<<32 | uint64(t[v>>16&0xfff])<<48
		binary.LittleEndian.PutUint64(dst, chars)
		src, dst = src[6:], dst[8:]
	}
	return size - len(src)
}

// notBase64 marks a character that stands for no six bits.
const notBase64 = 1 << 31

// sixBits gives, for each of four characters, its bits in their place of 24.
var sixBits = sync.OnceValue(func() *[4][256]uint32 {
	t := new([4][256]uint32)
	for place := range t {
		for i := range t[place] {
			t[place][i] = notBase64
		}
		for bits, char := range alphabet {
			t[place][char] = uint32(bits) << (18 - 6*place)
		}
	}
	return t
})

// decode is encoding.Decode for text without line ends.
func decode(encoding *base64.Encoding, dst, src []byte) (int, error) {
	done := 0
	if len(src) >= quickBytes {
		done = decodeQuick(dst, src[:len(src)-4], sixBits())
	}
	n, err := encoding.Decode(dst[done/4*3:], src[done:])
	if bad, ok := err.(base64.CorruptInputError); ok {
		err = bad + base64.CorruptInputError(done)
	}
	return done/4*3 + n, err
}

// decodeQuick decodes characters in fours up to the first that is not base64, and
// says how many. It may write a byte more than it decoded.
func decodeQuick(dst, src []byte, t *[4][256]uint32) (done int) {
	for len(src)-done >= 4 && len(dst) >= 4 {
		four := src[done : done+4 : done+4]
		v := t[0][four[0]] | t[1][four[1]] | t[2][four[2]] | t[3][four[3]]
		if v >= notBase64 {
			break
		}
		binary.BigEndian.PutUint32(dst, v<<8)
		dst = dst[3:]
		done += 4
	}
	return done
}
