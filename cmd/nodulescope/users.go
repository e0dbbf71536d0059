package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/review/accounts"
)

const usersHelp = `Manage who may sign in to the review page with a password.

The file of users holds argon2id hashes and is read by a running service at
once; sessions of users who are changed or removed end. Roles:

  view    see the work list, the images and the scores
  review  decide on findings and export decisions
  admin   also look after models: what was retrained, what it would change, and which scores

A password is asked for twice, or read from standard input if that is not a
terminal. It is at least 12 characters long; a sentence is fine.`

type usersOptions struct {
	dataDir, file string
	role, display string
}

func (o *usersOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.dataDir, "data-dir", "", "data `FOLDER` of the service, with its users (default: this user's)")
	markSettings(f, "data-dir")
	usersFlag(f, &o.file)
}

func newUsersCommand(*globals) *cobra.Command {
	cmd := newCommand("users", "Manage the users of the review page", usersHelp,
		`  nodulescope users add ann --role review --display-name 'Dr. Ann Example'
  nodulescope users list
  nodulescope users passwd ann
  nodulescope users remove ann`,
		cobra.NoArgs, func(cmd *cobra.Command, _ []string) error { return cmd.Help() })
	cmd.AddCommand(newUsersAdd(), newUsersList(), newUsersRemove(), newUsersPasswd())
	return cmd
}

func usersCommand(use, short, example string, args cobra.PositionalArgs, run func(*usersOptions, *cobra.Command, []string) error) (*cobra.Command, *usersOptions) {
	o := &usersOptions{}
	cmd := newCommand(use, short, usersHelp, "  nodulescope users "+example,
		args, func(cmd *cobra.Command, args []string) error { return run(o, cmd, args) })
	o.register(cmd)
	return cmd, o
}

func newUsersAdd() *cobra.Command {
	cmd, o := usersCommand("add NAME", "Add a user", "add ann --role review", cobra.ExactArgs(1), runUsersAdd)
	cmd.Flags().StringVar(&o.role, "role", string(accounts.RoleView), "`ROLE` of the user: view, review or admin")
	cmd.Flags().StringVar(&o.display, "display-name", "", "`NAME` that the page shows")
	return cmd
}

func newUsersList() *cobra.Command {
	cmd, _ := usersCommand("list", "List the users", "list", cobra.NoArgs, runUsersList)
	return cmd
}

func newUsersRemove() *cobra.Command {
	cmd, _ := usersCommand("remove NAME", "Remove a user; decisions stay", "remove ann", cobra.ExactArgs(1), runUsersRemove)
	return cmd
}

func newUsersPasswd() *cobra.Command {
	cmd, _ := usersCommand("passwd NAME", "Change a password", "passwd ann", cobra.ExactArgs(1), runUsersPasswd)
	return cmd
}

// load reads the file of users and says where it is.
func (o *usersOptions) load() (path string, users []accounts.User, err error) {
	if path = o.file; path == "" {
		dir := o.dataDir
		if dir == "" {
			if dir, err = plugin.DefaultDataDir(); err != nil {
				return "", nil, err
			}
		}
		path = plugin.UsersFile(dir)
	}
	users, err = accounts.Load(path)
	if err != nil {
		return path, nil, badInput(fmt.Errorf("%s: %w", path, err), "name a file that 'nodulescope users' wrote")
	}
	return path, users, nil
}

// loadWith is load and the place of a user that must be there.
func (o *usersOptions) loadWith(name string) (path string, users []accounts.User, at int, err error) {
	path, users, err = o.load()
	if err != nil {
		return path, users, 0, err
	}
	if at = accounts.Find(users, name); at < 0 {
		return path, users, at, usageError(fmt.Errorf("there is no user %q in %s", name, path), "see 'nodulescope users list'")
	}
	return path, users, at, nil
}

func runUsersAdd(o *usersOptions, cmd *cobra.Command, args []string) error {
	path, users, err := o.load()
	if err != nil {
		return err
	}
	if accounts.Find(users, args[0]) >= 0 {
		return usageError(fmt.Errorf("the user %q is there already", args[0]), "change the password with 'nodulescope users passwd', or remove the user first")
	}
	hash, err := newPasswordHash(cmd)
	if err != nil {
		return err
	}
	user := accounts.User{Name: args[0], DisplayName: o.display, Role: accounts.Role(o.role), Hash: hash, Created: time.Now().UTC().Truncate(time.Second)}
	if err := accounts.Check(user); err != nil {
		return usageError(err, "see 'nodulescope users add --help'")
	}
	if err := accounts.Save(path, append(users, user)); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s may sign in now, with role %s. Users are in %s\n", user.Name, user.Role, path)
	return nil
}

func runUsersPasswd(o *usersOptions, cmd *cobra.Command, args []string) error {
	path, users, at, err := o.loadWith(args[0])
	if err != nil {
		return err
	}
	if users[at].Hash, err = newPasswordHash(cmd); err != nil {
		return err
	}
	if err := accounts.Save(path, users); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s has a new password; open sessions end.\n", users[at].Name)
	return nil
}

func runUsersRemove(o *usersOptions, cmd *cobra.Command, args []string) error {
	path, users, at, err := o.loadWith(args[0])
	if err != nil {
		return err
	}
	name := users[at].Name
	if err := accounts.Save(path, slices.Delete(users, at, at+1)); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s may not sign in any more.\n", name)
	return nil
}

func runUsersList(o *usersOptions, cmd *cobra.Command, _ []string) error {
	path, users, err := o.load()
	if err != nil {
		return err
	}
	if len(users) == 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "There are no users in %s\n", path)
		return nil
	}
	var rows [][]string
	for _, u := range users {
		rows = append(rows, []string{u.Name, string(u.Role), u.Created.Format(time.DateOnly), cmp.Or(u.DisplayName, u.Name)})
	}
	return writeRows(cmd.OutOrStdout(), []string{"NAME", "ROLE", "SINCE", "SHOWN AS"}, rows)
}

// newPasswordHash asks for a password, twice on a terminal, and hashes it.
func newPasswordHash(cmd *cobra.Command) (string, error) {
	password, err := readPassword(cmd.InOrStdin(), cmd.ErrOrStderr())
	if err != nil {
		return "", usageError(err, "type the same password twice, or give it on standard input as one line")
	}
	if err := accounts.CheckPassword(password); err != nil {
		return "", usageError(err, "choose another one")
	}
	return accounts.HashPassword(password)
}

func readPassword(in io.Reader, prompts io.Writer) (string, error) {
	file, isFile := in.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(in, maxSecretBytes)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(prompts, prompt)
		typed, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(prompts)
		return string(typed), err
	}
	first, err := ask("Password: ")
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	again, err := ask("Once more: ")
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	if first != again {
		return "", errors.New("the two passwords differ")
	}
	return first, nil
}
