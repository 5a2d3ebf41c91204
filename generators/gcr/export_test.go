package gcr

// WithCredentialsAPI gives a Config that asks another server to impersonate.
func (c Config) WithCredentialsAPI(address string) Config {
	c.credentialsAPI = address
	return c
}

// Harmless is what is shown of a server's words.
var Harmless = harmless
