// Package ibm makes dockercfg entries for IBM Cloud Container Registry.
//
// The registry takes an API key as the password of the user iamapikey, so there is
// nothing to ask anybody for, and one key fits the registries of all regions. With
// the form Token the key is exchanged at IBM Cloud's IAM for an access token, which
// dies within the hour and is the password of the user iambearer
// (cloud.ibm.com/docs/Registry?topic=Registry-registry_access).
//
// Each registry has an old name below bluemix.net, which still answers and has the
// same content. Clients look a credential up by the name that an image has, so both
// names are written.
package ibm
