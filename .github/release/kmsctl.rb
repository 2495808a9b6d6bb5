# The Homebrew formula, filled in by formula.sh.
class Kmsctl < Formula
  desc "Manages AWS KMS keys and the resources they encrypt, declared in YAML"
  homepage "https://github.com/@REPOSITORY@"
  version "@VERSION@"
  license "Apache-2.0"

  on_macos do
    on_arm do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/kmsctl-v@VERSION@-aarch64-apple-darwin.tar.gz"
      sha256 "@SHA256-aarch64-apple-darwin@"
    end
    on_intel do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/kmsctl-v@VERSION@-x86_64-apple-darwin.tar.gz"
      sha256 "@SHA256-x86_64-apple-darwin@"
    end
  end

  on_linux do
    on_arm do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/kmsctl-v@VERSION@-aarch64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256-aarch64-unknown-linux-musl@"
    end
    on_intel do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/kmsctl-v@VERSION@-x86_64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256-x86_64-unknown-linux-musl@"
    end
  end

  def install
    bin.install "kmsctl"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/kmsctl.bash" => "kmsctl"
    zsh_completion.install "completions/_kmsctl"
    fish_completion.install "completions/kmsctl.fish"
  end

  test do
    (testpath/"kmsctl.yaml").write <<~YAML
      stack: app
      region: eu-west-1
      keys: {app: {description: Encrypts the application's data}}
    YAML
    system bin/"kmsctl", "validate"
    assert_match version.to_s, shell_output("#{bin}/kmsctl --version")
  end
end
