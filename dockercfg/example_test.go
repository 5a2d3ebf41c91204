package dockercfg_test

import (
	"fmt"

	"github.com/dockercfg/jet/dockercfg"
)

func Example() {
	file, err := dockercfg.New(dockercfg.Entry{
		Registry: "docker.io",
		Username: "bob",
		Password: dockercfg.NewSecret("hunter2"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := file.Encode()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%v\n%s", file.Entries(), text)
	// Output:
	// [{https://index.docker.io/v1/ bob [redacted] [redacted] [redacted]  0001-01-01 00:00:00 +0000 UTC}]
	// {
	// 	"auths": {
	// 		"https://index.docker.io/v1/": {
	// 			"auth": "Ym9iOmh1bnRlcjI="
	// 		}
	// 	}
	// }
}
