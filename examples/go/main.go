// Answers with its version.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
)

func version() string {
	if value := os.Getenv("VERSION"); value != "" {
		return value
	}
	text, err := os.ReadFile("version.txt")
	if err != nil {
		log.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func main() {
	text := fmt.Sprintf("go %s\n", version())
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, text)
	})
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	log.Fatal(http.ListenAndServe(":"+port, nil))
}
