// Package azure makes dockercfg entries for Azure Container Registry.
//
// A registry takes passwords: those of its admin user, of a token of its own and of a
// service principal. They are written as they are, and nobody is asked.
//
// Or it takes an identity of Entra ID: a service principal with a secret, a
// certificate or a federated token, or the managed identity of the machine. Entra
// gives out an access token for it, and each registry gives out a refresh token for
// that, which is written as the password of a user of zeros and dies within hours
// (github.com/Azure/acr/blob/main/docs/AAD-OAuth.md).
//
// Which of the two it is follows from AZURE_USERNAME and AZURE_PASSWORD before
// anything else: Azure's own libraries would take them for the name and the password
// of a person at Entra and send them there.
//
// A token of Entra goes to hosts in the domains of Azure Container Registry and to no
// other, unless AZURE_REGISTRY_ENDPOINT names it. The machine's identity is asked for
// where somebody said so, never because a variable is missing.
package azure
