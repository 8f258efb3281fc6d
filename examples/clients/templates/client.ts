/**
 * A client of the Strowger API. Made by examples/clients/generate.py from the server's OpenAPI document.
 *
 *     const client = new Client("http://127.0.0.1:8080", { key: "KEY", user: "alice", password: "secret", serverSalt: "SALT" });
 *     console.log((await client.balance()).data.credit);
 *
 * Runs in browsers and Node without packages. The password never leaves this program: requests carry a digest with
 * a salt of their own, over a nonce where the server asks for one, or the token of `login`.
 */

/** The server refused a request: `kind` is the type of the error, `text` what exactly. */
export class ApiError extends Error {
  readonly kind: string;
  readonly text: string;

  constructor(message: string) {
    super(message);
    this.name = "ApiError";
    const bare = message.replace(/^ERROR:\s*/, "");
    const end = bare.indexOf(":");
    this.kind = end < 0 ? bare : bare.slice(0, end);
    this.text = end < 0 ? "" : bare.slice(end + 1).trim();
  }

  /** The same request must not be repeated. */
  get final(): boolean {
    return this.text.endsWith("NORETRY");
  }
}

/** A success: the first line of its text, the values, and where the next page begins. */
export interface Reply<Data> {
  text: string;
  data: Data;
  cursor?: string;
  summary?: Record<string, unknown>;
}

export interface Options {
  key?: string;
  user?: string;
  password?: string;
  serverSalt?: string;
  token?: string;
  /** Milliseconds. */
  timeout?: number;
}

type Fields = Record<string, unknown>;

/** Requests, credentials and answers; the commands are in `Client`. */
export class Transport {
  protected readonly url: string;
  protected readonly options: Options;
  token: string;

  constructor(url: string, options: Options = {}) {
    this.url = url.replace(/\/+$/, "");
    this.options = options;
    this.token = options.token ?? "";
  }

  /** Any command by its name. */
  async request<Data>(command: string, parameters: object): Promise<Reply<Data>> {
    const fields: Fields = {};
    for (const [name, value] of Object.entries(parameters)) {
      if (value !== undefined && value !== null) fields[name] = value;
    }
    let answer = await this.post(command, fields, "");
    const asked = /^ERROR: new nonce is:(.*)EOF$/.exec(String(answer.text));
    if (asked && this.options.password) answer = await this.post(command, fields, asked[1] ?? "");
    if (answer.status !== "OK") throw new ApiError(String(answer.text));
    return answer as unknown as Reply<Data>;
  }

  /** Logs in; later requests carry the token instead of digests. */
  async openSession(): Promise<void> {
    this.token = "";
    this.token = (await this.request<{ token: string }>("login", {})).data.token;
  }

  private async post(command: string, fields: Fields, nonce: string): Promise<Fields> {
    const headers: Record<string, string> = { "Content-Type": "application/json" };
    if (this.token && !nonce) headers["Authorization"] = `Bearer ${this.token}`;
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), this.options.timeout ?? 30_000);
    try {
      const answer = await fetch(`${this.url}/mvapireq/${command}`, {
        method: "POST",
        headers,
        body: JSON.stringify({ ...fields, ...this.credentials(nonce) }),
        signal: abort.signal,
      });
      return (await answer.json()) as Fields;
    } finally {
      clearTimeout(timer);
    }
  }

  private credentials(nonce: string): Record<string, string> {
    const { key, user, password, serverSalt } = this.options;
    const credentials: Record<string, string> = {};
    if (key) credentials["authkey"] = key;
    if (user && (nonce || !this.token)) {
      const random = crypto.getRandomValues(new Uint8Array(8));
      const salt = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
      credentials["authid"] = user;
      credentials["authmd5"] = md5(`ck5Gp${user}${password ?? ""}${serverSalt ?? ""}${salt}${nonce}`);
      credentials["authsalt1"] = salt;
      if (nonce) credentials["nonce"] = nonce.slice(0, 16);
    }
    return credentials;
  }
}

/** MD5 (RFC 1321) of a text in UTF-8, in hexadecimal: browsers have none. */
export function md5(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const blocks = new Uint8Array((((bytes.length + 8) >> 6) + 1) * 64);
  blocks.set(bytes);
  blocks[bytes.length] = 0x80;
  const view = new DataView(blocks.buffer);
  view.setUint32(blocks.length - 8, bytes.length * 8, true);
  const shifts = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
  let state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
  for (let at = 0; at < blocks.length; at += 64) {
    let [a, b, c, d] = state as [number, number, number, number];
    for (let i = 0; i < 64; i++) {
      const round = i >> 4;
      const mixed = [(b & c) | (~b & d), (d & b) | (~d & c), b ^ c ^ d, c ^ (b | ~d)][round] ?? 0;
      const word = [i, 5 * i + 1, 3 * i + 5, 7 * i][round] ?? 0;
      const constant = Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32);
      const sum = (a + mixed + constant + view.getUint32(at + (word % 16) * 4, true)) | 0;
      const shift = shifts[round * 4 + (i % 4)] ?? 0;
      [a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0];
    }
    state = [a, b, c, d].map((value, index) => (value + (state[index] ?? 0)) | 0);
  }
  const digest = new DataView(new ArrayBuffer(16));
  state.forEach((value, index) => digest.setUint32(index * 4, value >>> 0, true));
  return Array.from(new Uint8Array(digest.buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

