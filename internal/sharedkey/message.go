package sharedkey

// What goes between the client and jet-age: a Request, then Questions and Answers
// in turn, then one Reply without a Question. Each is a JSON value.

// Version is that of the protocol. jet-age refuses any other one.
const Version = 1

// MaxMessage bounds what either side reads, in bytes. A file for a hundred RSA keys
// has 100 KB.
const MaxMessage = 4 << 20

// What jet-age can do.
const (
	ActionOpen    = "open"    // File with Identities, to Reply.Plaintext
	ActionSeal    = "seal"    // Plaintext for Recipients, to Reply.File
	ActionProtect = "protect" // Plaintext with Passphrase, to Reply.File
)

// A Request is what jet-age is to do.
type Request struct {
	Version    int
	Action     string
	File       []byte     `json:",omitempty"`
	Plaintext  []byte     `json:",omitempty"`
	Recipients []string   `json:",omitempty"` // Recipient.Key of each
	Passphrase string     `json:",omitempty"`
	Identities Identities `json:",omitzero"`
}

// A Question is for a passphrase.
type Question struct {
	Path string // of the SSH key or age identity that has it; "" for the file itself
}

// An Answer is what was typed.
type Answer struct {
	Passphrase string
}

// A Reply is a question, or the end.
type Reply struct {
	Question  *Question `json:",omitempty"`
	Error     *Error    `json:",omitempty"`
	Plaintext []byte    `json:",omitempty"`
	Opener    string    `json:",omitempty"` // what opened the file: the path of an identity, or "" for a passphrase
	File      []byte    `json:",omitempty"`
}

// A Code says what an Error is about.
type Code string

// The codes.
const (
	// CodeStranger: none of the identities is one of the recipients.
	CodeStranger Code = "stranger"
	// CodeNoIdentity: there is no identity at all.
	CodeNoIdentity Code = "no identity"
	// CodeAgent: the public key of a recipient is there and its private key is
	// not, or only in an SSH agent.
	CodeAgent Code = "agent"
	// CodePassphrase: the passphrase is wrong.
	CodePassphrase Code = "passphrase"
	// CodeNobody: a passphrase is needed, and there is nobody to ask.
	CodeNobody Code = "nobody"
	// CodeIdentity: an identity that the user named is of no use.
	CodeIdentity Code = "identity"
	// CodeFile: the file is damaged, or none of age.
	CodeFile Code = "file"
	// CodeRecipient: a recipient is none.
	CodeRecipient Code = "recipient"
	// CodeInternal: anything else.
	CodeInternal Code = "internal"
)

// An Error is why jet-age could not do what it was asked. It holds no secret.
type Error struct {
	Code Code
	Text string // for people, without the name of the file that is opened
	Path string `json:",omitempty"` // of the identity that it is about
}

func (e *Error) Error() string { return e.Text }
