package endpoint

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// RefusedError is an answer in which a server says why it refuses, in words of its
// own that are fit to be shown.
type RefusedError struct {
	Host        string
	Code        string // of the server, such as AADSTS7000215; "" if there is none
	Description string // one line, "" if there is none
	RequestID   string // that the vendor's support asks for; "" if there is none
	Status      *StatusError
}

// Refused makes one of what was found in an answer. A code or an id that does not
// look like one is dropped, and so is any of the three with a part of a secret that was
// sent: keys may look like codes.
func Refused(status *StatusError, code, description, requestID string, secrets ...string) *RefusedError {
	e := &RefusedError{Host: status.Host, Description: Quote(description, secrets...), Status: status}
	if isWord(code) && Quote(code, secrets...) != "" {
		e.Code = code
	}
	if isWord(requestID) && Quote(requestID, secrets...) != "" {
		e.RequestID = requestID
	}
	return e
}

func (e *RefusedError) Error() string {
	text := e.Status.Error()
	if e.Code != "" && !strings.HasPrefix(e.Description, e.Code) {
		text += ": " + e.Code
	}
	if e.Description != "" {
		text += ": " + e.Description
	}
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// Unwrap gives the *StatusError.
func (e *RefusedError) Unwrap() error { return e.Status }

const (
	// maxQuote is how much is shown of what a server says, in bytes.
	maxQuote = 400
	// leastShared is how much of a secret a text must have in common with it to be
	// dropped, in bytes: less than that is chance.
	leastShared = 8
	// maxSkew is the difference of clocks from which on it matters: servers allow 5 minutes.
	maxSkew = 4 * time.Minute
)

// Quote gives the first line of a text of a server, fit to be shown: 400 bytes at
// most. It is "" if the text holds any part of a secret.
func Quote(text string, secrets ...string) string {
	for _, secret := range secrets {
		if shares(text, secret) {
			return ""
		}
	}
	line := strings.TrimSpace(text)
	if end := strings.IndexAny(line, "\r\n"); end >= 0 {
		line = strings.TrimSpace(line[:end])
	}
	line = strings.ToValidUTF8(line, "")
	line = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, line)
	if len(line) > maxQuote {
		line = strings.ToValidUTF8(line[:maxQuote], "") + "…"
	}
	return line
}

// shares reports whether a text holds a secret or a part of it.
func shares(text, secret string) bool {
	if secret == "" {
		return false
	}
	size := min(len(secret), leastShared)
	for i := 0; i+size <= len(secret); i++ {
		if strings.Contains(text, secret[i:i+size]) {
			return true
		}
	}
	return false
}

// isWord reports whether a text looks like a code or an id.
func isWord(text string) bool {
	if text == "" || len(text) > 64 {
		return false
	}
	for _, r := range text {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.' {
			return false
		}
	}
	return true
}

// Clock says what is wrong with this machine's clock, by the time that the server
// told, if it is so far off that signatures and tokens are refused for it: over 4
// minutes. Else it is "".
func (e *StatusError) Clock() string {
	ahead, ok := e.Skew()
	if !ok || ahead.Abs() < maxSkew {
		return ""
	}
	direction := "ahead of"
	if ahead < 0 {
		direction = "behind"
	}
	return fmt.Sprintf("this machine's clock is %v %s that of %s", ahead.Abs(), direction, e.Host)
}
