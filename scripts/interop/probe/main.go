// Command probe asks a witness what it must refuse, and compares the answers with C2SP tlog-witness.
//
//	probe -url SUBMISSION_PREFIX -key PRIVATE_KEY_FILE (-checkpoint FILE | -first)
//
// The checkpoint is the newest that the witness cosigned, the key is its log's: with it the probe signs
// forks that only the consistency checks can catch. With -first the witness knows the log and has cosigned
// nothing of it yet. One line a case: `as specified`, `DEVIATES` (another
// refusal than C2SP wants), `LENIENT` (cosigned, and no harm done) or `SIGNED` (a
// cosignature that must not exist).
//
// Exit codes: 0 nothing was signed, 1 something was, 2 usage or no answer.
package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// What C2SP wants refused without naming the status.
const anyRefusal = 0

// One request that a witness has to refuse.
type probe struct {
	what   string
	body   string
	status int
	// What a 409 has to say: the size that the witness knows.
	conflict string
	// To cosign it does no harm: only the wrapping is bad, or the log is new.
	harmless bool
}

func main() {
	url := flag.String("url", "", "submission prefix of the witness")
	keyFile := flag.String("key", "", "file with the log's private key, in the note form")
	checkpointFile := flag.String("checkpoint", "", "the newest checkpoint that the witness cosigned")
	first := flag.Bool("first", false, "the witness has cosigned nothing of this log")
	flag.Parse()
	if (*checkpointFile == "") != *first {
		flag.Usage()
		os.Exit(2)
	}
	signed, err := run(strings.TrimSuffix(*url, "/"), *keyFile, *checkpointFile)
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(2)
	}
	if signed {
		os.Exit(1)
	}
}

func run(url, keyFile, checkpointFile string) (signed bool, err error) {
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return false, err
	}
	signer, err := note.NewSigner(strings.TrimSpace(string(key)))
	if err != nil {
		return false, err
	}
	probes, err := probesFor(checkpointFile, signer)
	if err != nil {
		return false, err
	}
	for _, p := range probes {
		status, kind, body, err := post(url+"/add-checkpoint", p.body)
		if err != nil {
			return signed, err
		}
		verdict := "as specified"
		switch {
		case status == http.StatusOK && p.harmless:
			verdict = "LENIENT"
		case status == http.StatusOK:
			verdict, signed = "SIGNED", true
		case p.status == anyRefusal:
		case status != p.status:
			verdict = "DEVIATES"
		case status == http.StatusConflict && (kind != "text/x.tlog.size" || body != p.conflict):
			verdict = "DEVIATES"
			fmt.Printf("  the 409 has content type %q and body %q\n", kind, body)
		}
		wanted := "a refusal"
		if p.status != anyRefusal {
			wanted = fmt.Sprint(p.status)
		}
		fmt.Printf("%-12s  %d (C2SP: %s)  %s\n", verdict, status, wanted, p.what)
	}
	return signed, nil
}

func probesFor(checkpointFile string, signer note.Signer) ([]probe, error) {
	if checkpointFile == "" {
		return firstContact(signer)
	}
	known, err := os.ReadFile(checkpointFile)
	if err != nil {
		return nil, err
	}
	text, _, _ := strings.Cut(string(known), "\n\n")
	head, err := torchwood.ParseCheckpoint(text + "\n")
	if err != nil {
		return nil, err
	}
	return afterwards(head, signer)
}

// A witness has to take a log's first checkpoint on trust, whichever it is, so none of these does harm.
func firstContact(signer note.Signer) ([]probe, error) {
	root := tlog.Hash(sha256.Sum256([]byte("a first history")))
	empty, err := sign(signer.Name(), tlog.Tree{N: 0, Hash: root}, signer)
	if err != nil {
		return nil, err
	}
	nine, err := sign(signer.Name(), tlog.Tree{N: 9, Hash: root}, signer)
	if err != nil {
		return nil, err
	}
	return []probe{
		{what: "a first checkpoint with an old size", body: "old 5\n" + hashes(4) + "\n" + nine, status: 409, conflict: "0\n", harmless: true},
		{what: "size 0 with a root that is not the empty tree's", body: "old 0\n\n" + empty, status: 422, harmless: true},
		{what: "old size 0 with a proof", body: "old 0\n" + hashes(4) + "\n" + nine, status: 422, harmless: true},
	}, nil
}

func afterwards(head torchwood.Checkpoint, signer note.Signer) ([]probe, error) {
	size := fmt.Sprintf("%d", head.N)
	otherRoot := tlog.Hash(sha256.Sum256([]byte("another history")))
	larger := tlog.Tree{N: head.N + 5, Hash: otherRoot}
	forged := hashes(4)

	same, err := sign(head.Origin, head.Tree, signer)
	if err != nil {
		return nil, err
	}
	fork, err := sign(head.Origin, tlog.Tree{N: head.N, Hash: otherRoot}, signer)
	if err != nil {
		return nil, err
	}
	grown, err := sign(head.Origin, larger, signer)
	if err != nil {
		return nil, err
	}
	strange, _, err := note.GenerateKey(rand.Reader, head.Origin)
	if err != nil {
		return nil, err
	}
	stranger, err := note.NewSigner(strange)
	if err != nil {
		return nil, err
	}
	unsigned, err := sign(head.Origin, larger, stranger)
	if err != nil {
		return nil, err
	}
	unknown, err := sign("unknown.example/log", larger, signer)
	if err != nil {
		return nil, err
	}
	broken, err := breakSignature(grown)
	if err != nil {
		return nil, err
	}
	return []probe{
		{what: "nothing like a request", body: "old " + size + "\n\nnothing\n", status: anyRefusal},
		{what: "an unknown origin", body: "old 0\n\n" + unknown, status: 404},
		{what: "the origin's name, another key", body: "old " + size + "\n\n" + unsigned, status: 403},
		{what: "a broken signature", body: "old " + size + "\n" + forged + "\n" + broken, status: 403},
		{what: "an old size above the checkpoint's", body: "old " + fmt.Sprint(head.N+1) + "\n\n" + same, status: 400},
		{what: "an old size with a leading zero", body: "old 0" + size + "\n\n" + same, status: anyRefusal, harmless: true},
		{what: "an old size with a sign", body: "old +" + size + "\n\n" + same, status: anyRefusal, harmless: true},
		{what: "old size 0 for a known log", body: "old 0\n\n" + grown, status: 409, conflict: size + "\n"},
		{what: "an older size than the known one", body: "old 1\n" + forged + "\n" + grown, status: 409, conflict: size + "\n"},
		{what: "the known size with another root", body: "old " + size + "\n\n" + fork, status: 422},
		{what: "growth with a forged proof", body: "old " + size + "\n" + forged + "\n" + grown, status: 422},
		{what: "growth without a proof", body: "old " + size + "\n\n" + grown, status: 422},
		{what: "64 proof lines", body: "old " + size + "\n" + hashes(64) + "\n" + grown, status: anyRefusal},
	}, nil
}

func sign(origin string, tree tlog.Tree, signer note.Signer) (string, error) {
	text := torchwood.Checkpoint{Origin: origin, Tree: tree}.String()
	// The name in the key is the log's: a note of another origin is signed as it is all the same.
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	return string(signed), err
}

// breakSignature turns one bit in the last octet of a note's only signature.
func breakSignature(signed string) (string, error) {
	cut := strings.LastIndexByte(signed, ' ') + 1
	octets, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(signed[cut:], "\n"))
	if err != nil {
		return "", err
	}
	octets[len(octets)-1] ^= 1
	return signed[:cut] + base64.StdEncoding.EncodeToString(octets) + "\n", nil
}

func hashes(count int) string {
	var lines strings.Builder
	for n := range count {
		hash := sha256.Sum256([]byte{byte(n)})
		lines.WriteString(base64.StdEncoding.EncodeToString(hash[:]) + "\n")
	}
	return lines.String()
}

func post(url, body string) (status int, kind, answer string, err error) {
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Post(url, "text/plain", bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, "", "", err
	}
	defer response.Body.Close()
	octets, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	return response.StatusCode, response.Header.Get("Content-Type"), string(octets), err
}
