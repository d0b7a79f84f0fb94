import { Code } from "~/components/Copy";
import { Snippets } from "~/components/Snippets";

const PYTHON = `import hmac, time


def is_genuine(secret: str, header: str, body: bytes) -> bool:
    """Check the header dragoman-signature of what came."""
    at, _, signature = header.removeprefix("t=").partition(",v1=")
    text = at.encode() + b"." + body
    wanted = hmac.digest(secret.encode(), text, "sha256").hex()
    fresh = abs(time.time() - int(at)) < 300
    return fresh and hmac.compare_digest(wanted, signature)`;

/** The secret of a webhook, while it can be seen, and what it is for. */
export function SecretText({ text }: { text: string }) {
  return (
    <>
      <p>
        This is the only time that it can be seen. <span className="text-muted">Each delivery is signed with it: who gets one can tell that it is from here, and from just now.</span>
      </p>
      <Code text={text} label="Copy the secret" />
      <Snippets of={[["Python", PYTHON]]} />
    </>
  );
}
