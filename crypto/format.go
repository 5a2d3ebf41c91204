package crypto

import "fmt"

// Format is the layout of an encrypted file. See docs/format.md for each in full.
type Format int

// The formats, from the weakest to the strongest.
const (
	// Unsigned is base64(IV, AES-256-CFB) with no header and no check at all:
	// what the original tool wrote before 2.6.0, and inline values of services files.
	Unsigned Format = iota + 1
	// CloudBeesV1 is the header "cloudbees:v1" over the layout of CodeshipV2.
	// It is read and never written.
	CloudBeesV1
	// CodeshipV2 is the header "codeship:v2" and a checksum inside the ciphertext,
	// which finds accidents and wrong keys but does not resist an attacker.
	CodeshipV2
	// JetV1 is the header "jet:v1" and C2SP chunked encryption (Cobblestone-256):
	// authenticated, key-committing, streaming.
	JetV1
)

// formatNames is an array, since a map would be built at every start.
var formatNames = [...]string{
	Unsigned:    "unsigned",
	CloudBeesV1: "cloudbees:v1",
	CodeshipV2:  "codeship:v2",
	JetV1:       "jet:v1",
}

// String gives the name of the format: its header line, or "unsigned".
func (f Format) String() string {
	if f >= Unsigned && f <= JetV1 {
		return formatNames[f]
	}
	return fmt.Sprintf("Format(%d)", int(f))
}

// ParseFormat gives the format of that name.
func ParseFormat(name string) (Format, error) {
	for f := JetV1; f >= Unsigned; f-- {
		if f.String() == name {
			return f, nil
		}
	}
	return 0, fmt.Errorf("format %q is not known (known: jet:v1, codeship:v2, cloudbees:v1, unsigned)", name)
}

// Strength orders the formats by what they protect against: 0 for no check
// (Unsigned), 1 for a checksum (CloudBeesV1, CodeshipV2), 2 for authentication (JetV1).
func (f Format) Strength() int {
	switch f {
	case CloudBeesV1, CodeshipV2:
		return 1
	case JetV1:
		return 2
	}
	return 0
}
