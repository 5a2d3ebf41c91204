// Package endpoint talks to the servers that give out credentials: token endpoints
// of clouds, metadata servers. Its client is net/http's with what such servers
// call for: no redirect is followed, since a secret would go with it; an answer has
// a limit; a server that is busy is asked again for as long as the context allows;
// and no error holds any part of an answer.
package endpoint
