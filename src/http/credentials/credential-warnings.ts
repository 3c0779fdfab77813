import { silentLogger } from "../../observability/index.ts";
import type { HttpArguments } from "../arguments.ts";
import { readOrProblem } from "../read-or-problem.ts";
import { createSecretSource, type SecretPlaces } from "./secret-source.ts";

/**
 * Credentials that are empty, which servers hardly ever mean, and files of secrets that cannot be used as they are now: a sentence
 * each, after the argument. It shows no secret.
 */
export async function credentialWarnings(args: HttpArguments): Promise<readonly string[]> {
  const warnings: string[] = [];
  if (args.basic_auth && !args.basic_auth.username)
    warnings.push("basic_auth.username: missing or empty, so an empty one is sent; set it");
  const secret = secretOf(args);
  if (!secret) return warnings;
  const { name } = secret;
  const reading = await readOrProblem(createSecretSource(secret, silentLogger));
  if ("problem" in reading) warnings.push(`${name}_file: ${reading.problem}`);
  else if (reading.text === "")
    warnings.push(`${name}: missing or empty, so an empty one is sent; set it, or ${name}_file`);
  return warnings;
}

interface NamedSecret extends SecretPlaces {
  /** The argument; that of the file has `_file` behind it. */
  readonly name: string;
}

/** The secret of the one authentication that is set. */
function secretOf(args: HttpArguments): NamedSecret | undefined {
  const { basic_auth: basic, authorization, oauth2, bearer_token, bearer_token_file } = args;
  if (basic)
    return { name: "basic_auth.password", inline: basic.password, path: basic.password_file, what: "password" };
  if (authorization) {
    const { credentials, credentials_file } = authorization;
    return { name: "authorization.credentials", inline: credentials, path: credentials_file, what: "credentials" };
  }
  if (oauth2) {
    const { client_secret, client_secret_file } = oauth2;
    return { name: "oauth2.client_secret", inline: client_secret, path: client_secret_file, what: "client secret" };
  }
  if (bearer_token === undefined && bearer_token_file === undefined) return undefined;
  return { name: "bearer_token", inline: bearer_token, path: bearer_token_file, what: "bearer token" };
}
