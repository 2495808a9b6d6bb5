//! The examples in `--help`: what an invocation does, and the invocation. A test parses every one of them.

pub(super) const KMSCTL: &str = "\
Examples:
  # Write a first kmsctl.yaml for the account and Region of your credentials
  kmsctl init
  # Show what apply would do; changes nothing
  kmsctl plan
  # Plan, ask, and make the calls
  kmsctl apply
  # Describe the fields of a key
  kmsctl explain keys

Exit codes: 0 done, 1 error, 2 success with changes (plan --detailed-exitcode, drift), 3 refused, 4 \
applied in part, 5 stale plan or locked state, 64 usage, 130 interrupted.";

pub(super) const INIT: &str = "\
Examples:
  # Ask for names and principals, and write kmsctl.yaml
  kmsctl init
  # Write it without questions
  kmsctl init --stack payments --key data --administrator role/Admin --user role/App
  # Print it instead
  kmsctl init --region eu-west-1 --out -";

pub(super) const VALIDATE: &str = "\
Examples:
  # Check kmsctl.yaml
  kmsctl validate
  # Check all files of a folder, with a variable
  kmsctl validate -f stacks/prod --var env=prod";

pub(super) const PLAN: &str = "\
Examples:
  # Compare kmsctl.yaml with AWS
  kmsctl plan
  # Save the plan of a pull request, to be applied exactly
  kmsctl plan --out plan.json
  # Only one key and what it depends on
  kmsctl plan --target key/app
  # In a script: exit with 2 if something would change
  kmsctl plan --detailed-exitcode";

pub(super) const APPLY: &str = "\
Examples:
  # Plan, ask, and apply
  kmsctl apply
  # Apply exactly a saved plan, without a question
  kmsctl apply plan.json
  # Apply the changes of all keys whose names begin with web
  kmsctl apply --target 'key/web*'
  # Plan and apply without a question
  kmsctl apply --auto-approve";

pub(super) const DESTROY: &str = "\
Examples:
  # Plan the deletion of everything in the stack, ask, and apply
  kmsctl destroy
  # Only one key
  kmsctl destroy --target key/app";

pub(super) const DRIFT: &str = "\
Examples:
  # Show what changed outside kmsctl; exits with 2 if something did
  kmsctl drift
  # The same for a program
  kmsctl drift --format json";

pub(super) const OUTPUT: &str = "\
Examples:
  # Print the ARN of a key, such as for `--key-id \"$(kmsctl output key/app)\"`
  kmsctl output key/app
  # Set variables of this shell: KEY_APP_ARN, KEY_APP_ID, ...
  source <(kmsctl output --format env)
  # Hand them to the next job of a workflow on GitHub
  kmsctl output --format github >> \"$GITHUB_OUTPUT\"
  # Read them in a program
  kmsctl output --format json";

pub(super) const SHOW: &str = "\
Examples:
  # Show a saved plan
  kmsctl show plan.json
  # Write it as the comment of a pull request
  kmsctl show plan.json --format markdown";

pub(super) const STATE: &str = "\
Examples:
  # List what the stack has applied
  kmsctl state list
  # Rename a key of the configuration without replacing it
  kmsctl state mv key/app key/web";

pub(super) const STATE_LIST: &str = "\
Examples:
  # List the addresses of the stack in kmsctl.yaml
  kmsctl state list
  # List those of a state in S3
  kmsctl state list --state s3://my-bucket/kmsctl";

pub(super) const STATE_SHOW: &str = "\
Examples:
  # Show the record of a key
  kmsctl state show key/app
  # Show that of an alias
  kmsctl state show alias/app";

pub(super) const STATE_MV: &str = "\
Examples:
  # The key `app` is called `web` in the configuration from now on
  kmsctl state mv key/app key/web
  # Then see that only the name tag changes
  kmsctl plan --target key/web";

pub(super) const STATE_FORGET: &str = "\
Examples:
  # Stop recording a key; AWS keeps it as it is
  kmsctl state forget key/app
  # See the addresses that can be forgotten
  kmsctl state list";

pub(super) const STATE_UNLOCK: &str = "\
Examples:
  # Remove the lock whose id an error has shown
  kmsctl state unlock 1a2b3c4d
  # Remove that of a state in another folder
  kmsctl state unlock 1a2b3c4d --state /srv/kmsctl/state";

pub(super) const ACCESS: &str = "\
Examples:
  # Show who can do what with a key of the stack
  kmsctl access app
  # Show who can decrypt with the key behind an alias
  kmsctl access alias/app --action kms:Decrypt
  # Show whether a role can; exits with 2 if it is denied
  kmsctl access app --principal role/App --action kms:Decrypt --detailed-exitcode
  # Write a table for a spreadsheet
  kmsctl access app --format csv";

pub(super) const ROTATE: &str = "\
Examples:
  # Show how often a key of the stack has been rotated, ask, and rotate it
  kmsctl rotate app
  # Rotate the key behind an alias without a question
  kmsctl rotate alias/app --auto-approve";

pub(super) const IMPACT: &str = "\
Examples:
  # Show what would break without a key of the stack
  kmsctl impact app
  # The same for any key of the account, for a program
  kmsctl impact alias/legacy --format json";

pub(super) const PERMISSIONS: &str = "\
Examples:
  # What the stack needs, with the calls behind each statement
  kmsctl permissions
  # Policies for a role that plans pull requests and one that applies, as files
  kmsctl permissions --split --principal arn:aws:iam::111122223333:role/deploy --out policies
  # Only what one saved plan does, as a policy
  kmsctl permissions --plan plan.json --format iam
  # What the first export needs, before there is a configuration, for Terraform
  kmsctl permissions --for export --regions eu-west-1,eu-west-3 --consumers --format terraform";

pub(super) const LINT: &str = "\
Examples:
  # Check the policies and keys of kmsctl.yaml
  kmsctl lint
  # Check the policies that AWS holds
  kmsctl lint --live
  # Write a log for code scanning
  kmsctl lint --format sarif
  # List all rules
  kmsctl lint --rules";

pub(super) const POLICY: &str = "\
Examples:
  # Show who gains and who loses access
  kmsctl policy diff old.json new.json
  # Check a document
  kmsctl policy lint policy.json";

pub(super) const POLICY_DIFF: &str = "\
Examples:
  # Show who gains and who loses access by the new policy
  kmsctl policy diff old.json new.json
  # Compare the policy on standard input; exit with 2 if access changes
  kmsctl policy diff - new.json --detailed-exitcode";

pub(super) const POLICY_EVAL: &str = "\
Examples:
  # Show whether a role can decrypt
  kmsctl policy eval policy.json --principal role/App --action kms:Decrypt --account 111122223333
  # Show whether EBS can use the key for that role
  kmsctl policy eval policy.json --principal role/App --action kms:Decrypt \\
    --account 111122223333 --context kms:ViaService=ec2.eu-west-1.amazonaws.com";

pub(super) const POLICY_LINT: &str = "\
Examples:
  # Check a document
  kmsctl policy lint policy.json
  # Check the document on standard input for the account of its key
  kmsctl policy lint - --account 111122223333
  # Check that the writer of the policy does not lock itself out
  kmsctl policy lint policy.json --caller arn:aws:iam::111122223333:role/Admin";

pub(super) const EXPLAIN: &str = "\
Examples:
  # List all topics
  kmsctl explain
  # Describe a section of the configuration and its fields
  kmsctl explain rds.instances
  # Give the reason for a lint rule
  kmsctl explain KMS301";

pub(super) const SCHEMA: &str = "\
Examples:
  # Write the schema to a file
  kmsctl schema > kmsctl.schema.json
  # Then begin kmsctl.yaml with: # yaml-language-server: $schema=kmsctl.schema.json";

pub(super) const COMPLETIONS: &str = "\
Examples:
  # Complete in this bash
  source <(kmsctl completions bash)
  # Complete in every zsh
  kmsctl completions zsh > ~/.zfunc/_kmsctl
  # Complete in every fish
  kmsctl completions fish > ~/.config/fish/completions/kmsctl.fish";

pub(super) const MAN: &str = "\
Examples:
  # Read the page of kmsctl
  kmsctl man | man -l -
  # Install the pages of all commands for yourself
  kmsctl man --out ~/.local/share/man/man1";

pub(super) const EXPORT: &str = "\
Examples:
  # Print the configuration of all keys of the Region
  kmsctl export
  # Write it into a folder, with the resources that the keys encrypt
  kmsctl export --out found --stack payments --consumers
  # Only the keys with an alias of a team, in two Regions
  kmsctl export 'payments/*' --regions eu-west-1,eu-central-1";
