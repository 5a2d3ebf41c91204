package agefile

import (
	"fmt"
	"net"
	"os"
	"time"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// agentTimeout is how long an agent may take to list its keys.
const agentTimeout = 2 * time.Second

// agentKey says, for people, which key of a running SSH agent the file is for, ""
// for none. That helps them no further than to know: an agent only signs, and age
// needs to decrypt.
func agentKey(stanzas []*age.Stanza) string {
	socket := os.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return ""
	}
	connection, err := net.DialTimeout("unix", socket, agentTimeout)
	if err != nil {
		return ""
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(agentTimeout)); err != nil {
		return ""
	}
	held, err := agent.NewClient(connection).List()
	if err != nil {
		return ""
	}
	for _, key := range held {
		if public, err := ssh.ParsePublicKey(key.Blob); err == nil && isFor(stanzas, public) {
			return fmt.Sprintf("%q (%s) in your SSH agent, which can only sign with it", key.Comment, ssh.FingerprintSHA256(public))
		}
	}
	return ""
}
