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

export interface ApitestData {
  "ip": string;
  "user": string;
}

export interface ApitestParameters {
  /** cursor */
  "cursor"?: string;
}

export interface Apitest1Data {
  "ip": string;
}

export interface Apitest1Parameters {
  /** cursor */
  "cursor"?: string;
}

export interface ForgotpasswordanswerParameters {
  /** The e-mail address of the account. */
  "email": string;
  /** The code that was sent there, or the answer to the question of the account. */
  "forgotpasswordanswer": string;
  /** requestid */
  "requestid"?: string;
}

export interface ForgotpasswordquestionData {
}

export interface ForgotpasswordquestionParameters {
  /** The e-mail address of the account. */
  "email": string;
  /** requestid */
  "requestid"?: string;
}

export interface JppgetParameters {
  /** An API path of this server, or with enablejsonp 2 the URL of a host of jsonphosts. */
  "url": string;
  /** The function that the script calls. */
  "callback": string;
  /** cursor */
  "cursor"?: string;
}

export interface LoginData {
  "expires": number;
  "token": string;
  "type": number;
  "userid": number;
}

export interface LoginParameters {
  /** cursor */
  "cursor"?: string;
}

export interface NewusercodeParameters {
  /** The code, as it was sent by e-mail or SMS. */
  "u_code": string;
  /** The username that signed up. */
  "u_username": string;
  /** Its password, compared where it is given. */
  "u_password"?: string;
  /** What identifies the device: tries are limited by it too. */
  "deviceid"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface NewuseruData {
  "userid": number;
}

export interface NewuseruParameters {
  /** The new account's username. */
  "u_username": string;
  /** Its password. */
  "u_password": string;
  /** Its holder's name. */
  "u_name"?: string;
  /** An e-mail address. */
  "u_email"?: string;
  /** A telephone number. */
  "u_phone"?: string;
  /** The currency of its credit. */
  "u_currency"?: string;
  /** A country. */
  "u_country"?: string;
  /** A postal address. */
  "u_address"?: string;
  /** What identifies the device: sign-ups are limited by it too. */
  "deviceid"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface PreauthData {
  "nonce": string;
}

export interface PreauthParameters {
  /** cursor */
  "cursor"?: string;
}

export interface AddcallbacknumberData {
  "callback": boolean;
  "number": string;
}

export interface AddcallbacknumberParameters {
  /** The number, as trunks present it. Also spelt anum, phone1, from. */
  "num": string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface AddcreditData {
  "credit": number;
  "currency": string;
  "userid": number;
}

export interface AddcreditParameters {
  /** How much; below zero takes back. Also spelt ammount, amount. */
  "credit"?: string;
  /** A recharge code instead of an amount. */
  "pin"?: string;
  /** The account, where targetuser does not name it. Also spelt u_username. */
  "username"?: string;
  /** The amount's currency; the account's own where none is given. Also spelt u_currency. */
  "currency"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface BalanceData {
  "credit": number;
  "currency": string;
  "postpaid": boolean;
}

export interface BalanceParameters {
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface CallbackParameters {
  /** The number to be rung. Also spelt anum, phone1, from. */
  "num": string;
  /** The voice menu that the answered number is led to; -1, 0 or nothing: none. */
  "ivr"?: string;
  /** The number to connect it to; the account's own phone where none is given. Also spelt cnum, target, bnun, phone2, to. */
  "bnum"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface CallbackaccessnumberData {
  "number": string;
}

export interface CallbackaccessnumberParameters {
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface CalldivertData {
  "forwardalways": string;
  "forwardonbusy": string;
  "forwardonnoanswer": string;
  "noanswertimeout": null | number;
}

export interface CalldivertParameters {
  /** Where all calls go; empty clears it, absent leaves it. */
  "callforwardalways"?: string;
  /** Where calls go while the account is busy. */
  "callforwardonbusy"?: string;
  /** Where calls go that nobody answers. */
  "callforwardonnoanswer"?: string;
  /** How long the account rings before, in seconds. */
  "callforwardonnoanswertimeout"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface CallforwardData {
  "forwardalways": string;
  "forwardonbusy": string;
  "forwardonnoanswer": string;
  "noanswertimeout": unknown;
}

export interface CallforwardParameters {
  /** Where all calls go; empty clears it, absent leaves it. Also spelt phone1, from. */
  "anum"?: string;
  /** Where calls go while the account is busy. Also spelt bnun, phone2, to. */
  "bnum"?: string;
  /** Where calls go that nobody answers. */
  "cnum"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface CallratingParameters {
  /** The call: its SIP Call-ID, or its id in `call` and `p2p`. */
  "callid": string;
  /** The account that pays; administrators and resellers may name one of theirs. */
  "username"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface CcchargeParameters {
  /** The card's number. Also spelt cardnumber. */
  "cardnum": string;
  /** The year in which it expires. Also spelt expyear. */
  "expireyear": string;
  /** The month in which it expires. Also spelt expiremonth. */
  "expmonth": string;
  /** The three or four digits on the card. Also spelt cvv2, cvc. */
  "ccv2": string;
  /** How much, in the account's currency. Also spelt amount. */
  "ammount": string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface CdrData {
  "callednumber"?: unknown;
  "costenduser"?: unknown;
  "datum"?: unknown;
  "realduration"?: unknown;
}

export interface CdrParameters {
  /** The caller: id, username or number. */
  "caller"?: string;
  /** The dialled number, or its beginning. */
  "called"?: string;
  /** How many records at most. */
  "maxcount"?: number;
  /** today, yesterday, lastweek, thismonth, lastmonth or a number of days. */
  "days"?: string;
  /** all, in or out. */
  "dir"?: "all" | "in" | "out";
  /** all, connected or notconnected. */
  "type"?: "all" | "connected" | "notconnected";
  /** Only numbers that begin so. */
  "prefix"?: string;
  /** min, normal or all. */
  "fields"?: "min" | "normal" | "all";
  /** Adds a line with count, duration and cost. */
  "summary"?: "yes" | "no";
  /** Sums instead of records: all, day, caller or called. */
  "by"?: "all" | "day" | "caller" | "called";
  /** date, caller, called or user. */
  "order"?: "date" | "caller" | "called" | "user";
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface ChangepwdData {
}

export interface ChangepwdParameters {
  /** The new password. */
  "newpassword": string;
  /** The present one; administrators may leave it out. */
  "oldpassword"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface ChargeData {
  "credit": number;
  "currency": string;
}

export interface ChargeParameters {
  /** The recharge code. Also spelt anum, phone1, from. */
  "pin": string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface CliData {
  "callback": boolean;
  "number": string;
}

export interface CliParameters {
  /** The number, as trunks present it. Also spelt num, phone1, from. */
  "anum": string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface GetdetailsData {
  "address"?: string;
  "authip"?: string;
  "billaddress"?: string;
  "billinguserid"?: string;
  "billsourceid"?: string;
  "birthday"?: string;
  "blockprefixes"?: string;
  "callbacknumber"?: string;
  "changesptoring"?: string;
  "choosecodecs"?: string;
  "comment"?: string;
  "connectvoice"?: string;
  "contactname"?: string;
  "convertdtmf"?: string;
  "country"?: string;
  "credit"?: string;
  "creditelapsedt"?: string;
  "currency"?: string;
  "datum"?: string;
  "digestalgorithms"?: string;
  "discvoice"?: string;
  "displayname"?: string;
  "domainname"?: string;
  "email"?: string;
  "email2"?: string;
  "enabled"?: string;
  "enabledprefixes"?: string;
  "euregnumber"?: string;
  "fax"?: string;
  "forgotpasswordquestion"?: string;
  "forwardalways"?: string;
  "forwarddearlystart"?: string;
  "forwardonbusy"?: string;
  "forwardonnoanswer"?: string;
  "freeminutes"?: string;
  "freeminutesleft"?: string;
  "freesms"?: string;
  "freesmsleft"?: string;
  "gender"?: string;
  "held"?: string;
  "id"?: string;
  "ip"?: string;
  "iscallback"?: string;
  "ivrid"?: string;
  "language"?: string;
  "maxlines"?: string;
  "musiconhold"?: string;
  "name"?: string;
  "needauth"?: string;
  "needcodeconversion"?: string;
  "needregister"?: string;
  "noanswertimeout"?: string;
  "notifymissedemail"?: string;
  "notifymissedsms"?: string;
  "packetid"?: string;
  "parentid"?: string;
  "phone"?: string;
  "playadv"?: string;
  "playdisc"?: string;
  "port"?: string;
  "postaddress"?: string;
  "postpaid"?: string;
  "proxy"?: string;
  "regival"?: string;
  "regnumber"?: string;
  "rgmode"?: string;
  "rights"?: string;
  "ringgroup"?: string;
  "senddailyemail"?: string;
  "sendemailalert"?: string;
  "sendlowcreditemail"?: string;
  "sendmonthlyemail"?: string;
  "sendotheremail"?: string;
  "sendsmsalert"?: string;
  "sendsmsreport"?: string;
  "sendstraffic"?: string;
  "sessiontimer"?: string;
  "status"?: number;
  "statusdate"?: string;
  "techprefix"?: string;
  "temporarydisabled"?: string;
  "transport"?: string;
  "type"?: string;
  "usergroup"?: string;
  "username"?: string;
  "utc"?: string;
  "voicemail"?: string;
  "voicemailalways"?: string;
  "voicemailonbusy"?: string;
  "voicemailonnoansw"?: string;
}

export interface GetdetailsParameters {
  /** How much: min, normal or max. */
  "mode"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface GetphonenumberData {
  "id": number;
  "location": string;
  "number": string;
}

export interface GetphonenumberParameters {
  /** How many at most. */
  "count"?: number;
  /** Only numbers that begin so. */
  "prefix"?: string;
  /** Only numbers of this place. */
  "location"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface LockphonenumberData {
  "days": number;
  "number": string;
}

export interface LockphonenumberParameters {
  /** The number. Also spelt anum, bnum, number, phone1, from, bnun, phone2, to. */
  "num": string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface P2pParameters {
  /** The second number, or the first where cnum is given instead of anum. Also spelt bnun, phone2, to. */
  "bnum": string;
  /** The second number. */
  "cnum"?: string;
  /** 0 answers at once, 1 when connected or failed, 2 when the call is over. */
  "waitfor"?: number;
  /** The first number; the account's own phone where only one is given. Also spelt phone1, from. */
  "anum"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface PresenceGetData {
  "users": Record<string, unknown>;
}

export interface PresenceGetParameters {
  /** The user, or several, separated by commas. Also spelt user. */
  "userusername"?: string;
  /** 0 at the client's start, 1 from its timer; both answer the same. */
  "ptype"?: number;
  /** The users' domain; of one that is not ours nobody is known. */
  "domain"?: string;
  /** Several users, separated by commas. */
  "userlist"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface PresenceSetData {
  "messages": unknown[];
  "status": string;
}

export interface PresenceSetParameters {
  /** The status, in a word or a few: online, away, busy, offline; empty takes it back. Also spelt status. */
  "pstatus"?: string;
  /** 0 at the client's start, else 1; both do the same. */
  "ptype"?: number;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface RatingData {
  "billingstep": number;
  "connectfee": number;
  "currency": string;
  "destination": string;
  "price": number;
}

export interface RatingData2 {
  "billingstep": number;
  "connectfee": number;
  "currency": string;
  "direction": string;
  "prefix": string;
  "price": number;
}

export interface RatingParameters {
  /** A number or prefix; without one the account's price table is answered. Also spelt anum, callednumber, prefix, phone1, from, bnun, phone2, to. */
  "bnum"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface SearchData {
  "name": string;
  "phone": string;
  "username": string;
}

export interface SearchParameters {
  /** Part of a username, name or number. Also spelt search, message. */
  "txt": string;
  /** How many at most. */
  "maxcount"?: number;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface SendccinfoData {
  "page": string;
  "payments": unknown[];
  "savedcard": string;
}

export interface SendccinfoParameters {
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface SendimData {
  "messages": unknown[];
}

export interface SendimParameters {
  /** The text, at most 4000 bytes. Also spelt message. */
  "txt": string;
  /** The user, by name or number. Also spelt touser, bnun, phone2, to. */
  "bnum"?: string;
  /** Several users, separated by commas. Also spelt userlist. */
  "buserlist"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface SetfieldData {
  "field": string;
}

export interface SetfieldParameters {
  /** The field. */
  "fieldname": string;
  /** string, int or float; the field's own type decides. */
  "fieldtype"?: string;
  /** Its new value. */
  "fieldvalue"?: string;
  /** The row's id; the own account where none is given. */
  "rowid"?: string;
  /** Accepted; every change is made before the answer. */
  "sync"?: string;
  /** The table, for administrators. */
  "table"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface StatusData {
  "status": number;
}

export interface StatusParameters {
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface TransfercreditData {
  "credit": number;
  "currency": string;
}

export interface TransfercreditParameters {
  /** Who receives. Also spelt tousername. */
  "username": string;
  /** How much, above zero. Also spelt ammount, amount. */
  "credit": string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface VerifyuserData {
  "status"?: number;
  "users"?: Record<string, unknown>;
}

export interface VerifyuserParameters {
  /** The user. Also spelt user, username, usr. */
  "userusername"?: string;
  /** Several, separated by commas. */
  "userlist"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface WsloadData {
  "load": number;
  "sessions": number;
  "type": number;
}

export interface WsloadParameters {
  /** Accepted; all brands share one gateway. */
  "brandid"?: string;
  /** The same. */
  "brandname"?: string;
  /** The same. */
  "companyname"?: string;
  /** The same. */
  "upperserver"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface WsunregData {
  "unregistered": number;
}

export interface WsunregParameters {
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface WsuserData {
  "domain": string;
  "iceservers": unknown[];
  "path": string;
  "realm": string;
  "subprotocol": string;
  "username": string;
}

export interface WsuserParameters {
  /** The client's brand; all brands share one gateway. */
  "brandname"?: string;
  /** Its company. */
  "companyname"?: string;
  /** The SIP server of the account; empty is this one. */
  "upperserver"?: string;
  /** Its domain. */
  "upperserverdomain"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface CallData {
  "calledid"?: unknown;
  "callednumber"?: unknown;
  "callerid"?: unknown;
  "callstartdate"?: unknown;
  "codec"?: unknown;
  "cost"?: unknown;
  "currency"?: unknown;
  "dbcallsid"?: unknown;
  "mos"?: unknown;
  "origcallerid"?: unknown;
  "realduration"?: unknown;
  "serverid"?: unknown;
  "sipcallid"?: unknown;
  "state"?: unknown;
}

export interface CallParameters {
  /** The line that a test call is made from, by username, id or number: it pays. Also spelt anum, phone1, from. */
  "origsimid"?: string;
  /** The number that the test call is made to; without it the live calls are listed. Also spelt bnum, bnun, phone2, to. */
  "telnum"?: string;
  /** How long whoever answers a test call hears a tone, 1 to 300 seconds; 10 where none is given. */
  "duration"?: number;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface DeviceidData {
  "deviceid": string;
  "node": number;
}

export interface DeviceidParameters {
  /** cursor */
  "cursor"?: string;
}

export interface EndpointsData {
  "address"?: unknown;
  "calls"?: unknown;
  "id"?: unknown;
  "ms"?: unknown;
  "reachable"?: unknown;
  "status"?: unknown;
  "transport"?: unknown;
  "type"?: unknown;
  "username"?: unknown;
}

export interface EndpointsParameters {
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface EpregData {
  "address"?: unknown;
  "expires"?: unknown;
  "id"?: unknown;
  "laststatus"?: unknown;
  "state"?: unknown;
  "transport"?: unknown;
  "type"?: unknown;
  "username"?: unknown;
}

export interface EpregParameters {
  /** in, out or all. */
  "regtype"?: "in" | "out" | "all";
  /** all, registered, registering, failed or unregistered. */
  "regstate"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface FastregusersData {
  "age": number;
  "contacts": number;
  "enabled": boolean;
  "id": number;
  "username": string;
}

export interface FastregusersParameters {
  /** succ for those with a live registration, all for everybody. Also spelt succ. */
  "which"?: "succ" | "all";
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface FastusersData {
  "age": number;
  "enabled": boolean;
  "id": number;
  "siphits": number;
  "type": number;
  "username": string;
}

export interface FastusersParameters {
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface FileData {
  "filedata": string;
  "filename": string;
  "size": number;
}

export interface FileParameters {
  /** The name below the data folder: logs/…, cdr/…, files/…, recordings/… or reports/…. */
  "filename": string;
  /** cursor */
  "cursor"?: string;
}

export interface GencdrData {
  "file": string;
  "records": number;
}

export interface GencdrParameters {
  /** The last so many days and today. */
  "days"?: number;
  /** The first day instead, such as 2026-11-21. */
  "fromdate"?: string;
  /** The last day. */
  "todate"?: string;
  /** csv or jsonl. */
  "format"?: "csv" | "jsonl";
  /** Only of accounts below this one. */
  "parent"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface HeartbeatData {
}

export interface HeartbeatData2 {
  "detail": string;
  "ms": number;
  "name": string;
  "ok": boolean;
}

export interface HeartbeatParameters {
  /** quick or full. */
  "mode"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface InfoData {
  "accounts": number;
  "bindings": number;
  "calls": number;
  "callsanswered": number;
  "callstotal": number;
  "cps": number;
  "cpums": number;
  "database": string;
  "databasedetail": string;
  "databaseok": boolean;
  "databasewriteus": number;
  "draining": boolean;
  "epoch": number;
  "mainport": number;
  "mainportudp": number;
  "maxcalls": number;
  "maxconnections": number;
  "memorykb": number;
  "node": number;
  "queue": number;
  "registered": number;
  "sipport": number;
  "sipreceived": number;
  "sipsent": number;
  "started": string;
  "uptime": number;
  "version": string;
}

export interface InfoParameters {
  /** cursor */
  "cursor"?: string;
}

export interface ListsData {
  "entries": number;
  "leastbytes": number;
  "name": string;
}

export interface ListsParameters {
  /** cursor */
  "cursor"?: string;
}

export interface LocksData {
  "age"?: unknown;
  "amount"?: unknown;
  "kind"?: unknown;
  "node"?: unknown;
  "owner"?: unknown;
  "unit"?: unknown;
  "what"?: unknown;
}

export interface LocksParameters {
  /** cursor */
  "cursor"?: string;
}

export interface LogParameters {
  /** error, warn, info, debug, trace, off, or a filter as loglevel has it; empty changes nothing. */
  "level"?: string;
  /** Only for this module, such as strowger_switch. */
  "module"?: string;
  /** A remark that is written into the log. Also spelt message. */
  "txt"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface LogsearchParameters {
  /** The text, in any case. Also spelt message. */
  "txt": string;
  /** main, or only the lines of sip, sh (commands) or tcp (connections). */
  "log"?: string;
  /** How many lines, the newest. */
  "lines"?: number;
  /** cursor */
  "cursor"?: string;
}

export interface QuerylistData {
  "id"?: unknown;
  "ms"?: unknown;
  "text"?: unknown;
}

export interface QuerylistParameters {
  /** cursor */
  "cursor"?: string;
}

export interface QuickstatData {
  "acd": unknown;
  "asr": unknown;
  "calls": number;
  "cps": number;
  "queue": number;
  "registered": number;
}

export interface QuickstatParameters {
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface RegstatData {
  "added": number;
  "bindings": number;
  "challenged": number;
  "expired": number;
  "failed_bad": number;
  "failed_credentials": number;
  "failed_limited": number;
  "failed_otheraccount": number;
  "failed_refused": number;
  "failed_toobrief": number;
  "rate": number;
  "refresh_later": number;
  "refresh_upto_120s": number;
  "refresh_upto_1800s": number;
  "refresh_upto_300s": number;
  "refresh_upto_30s": number;
  "refresh_upto_3600s": number;
  "refresh_upto_600s": number;
  "refresh_upto_60s": number;
  "refreshed": number;
  "removed": number;
  "stale": number;
  "succeeded": number;
}

export interface RegstatParameters {
  /** cursor */
  "cursor"?: string;
}

export interface ReguserData {
  "contact"?: unknown;
  "expires"?: unknown;
  "id"?: unknown;
  "received"?: unknown;
  "transport"?: unknown;
  "username"?: unknown;
}

export interface ReguserParameters {
  /** Empty for the normal list, all for the detailed one, or one user. Also spelt username. */
  "usr"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface ReportsData {
  "acd"?: unknown;
  "asr"?: unknown;
  "calls"?: unknown;
  "connected"?: unknown;
  "costenduser"?: unknown;
  "costprovider"?: unknown;
  "currency"?: unknown;
  "day"?: unknown;
  "mos"?: unknown;
  "pdd"?: unknown;
  "profit"?: unknown;
  "realduration"?: unknown;
  "serverid"?: unknown;
  "username"?: unknown;
}

export interface ReportsParameters {
  /** day, destination, account or trunk. */
  "name"?: "day" | "destination" | "account" | "trunk";
  /** The last so many days. */
  "days"?: number;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface RoutingtestData {
  "stage": string;
  "text": string;
}

export interface RoutingtestParameters {
  /** The dialled number. */
  "called": string;
  /** The address that the call would come from. */
  "ip"?: string;
  /** The caller: username, id or number. */
  "caller"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface ShortinfoParameters {
  /** cursor */
  "cursor"?: string;
}

export interface ShowcfgData {
  "key": string;
  "section": string;
  "source": string;
  "value": string;
}

export interface ShowcfgParameters {
  /** A chapter (api, sip, money …) or a key; empty is everything. */
  "section"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface ShowlogParameters {
  /** main, or only the lines of sip, sh (commands) or tcp (connections). Also spelt name. */
  "log"?: string;
  /** How many lines. */
  "lines"?: number;
  /** cursor */
  "cursor"?: string;
}

export interface ThreadlistData {
  "cpums": number;
  "id": number;
  "name": string;
  "state": string;
}

export interface ThreadlistParameters {
  /** cursor */
  "cursor"?: string;
}

export interface ThreadsData {
  "cpums": number;
  "id": number;
  "name": string;
  "state": string;
}

export interface ThreadsParameters {
  /** cursor */
  "cursor"?: string;
}

export interface Threads2Data {
  "cpums": number;
  "id": number;
  "name": string;
  "state": string;
}

export interface Threads2Parameters {
  /** cursor */
  "cursor"?: string;
}

export interface TunnelinfoData {
  "bytesin": number;
  "bytesout": number;
  "failed": number;
  "open": number;
  "opened": number;
  "protocol": string;
  "refused": number;
  "since": string;
  "timedout": number;
}

export interface TunnelinfoParameters {
  /** cursor */
  "cursor"?: string;
}

export interface TunnelinfoexData {
  "bytesin"?: unknown;
  "bytesout"?: unknown;
  "cipher"?: unknown;
  "open"?: unknown;
  "opened"?: unknown;
  "transport"?: unknown;
  "version"?: unknown;
}

export interface TunnelinfoexParameters {
  /** cursor */
  "cursor"?: string;
}

export interface TunnellistData {
  "account"?: unknown;
  "alpn"?: unknown;
  "bytesin"?: unknown;
  "bytesout"?: unknown;
  "cipher"?: unknown;
  "id"?: unknown;
  "peer"?: unknown;
  "port"?: unknown;
  "since"?: unknown;
  "sni"?: unknown;
  "transport"?: unknown;
  "version"?: unknown;
}

export interface TunnellistParameters {
  /** Rows of one answer, at most 500. */
  "max"?: number;
  /** cursor */
  "cursor"?: string;
}

export interface VersionData {
  "commit": string;
  "features": string;
  "machine": string;
  "name": string;
  "system": string;
  "version": string;
}

export interface VersionParameters {
  /** cursor */
  "cursor"?: string;
}

export interface AddserverData {
  "routes": number;
  "userid": number;
}

export interface AddserverParameters {
  /** 0 both, 5 only traffic sender, 9 only SIP server. */
  "u_type"?: number;
  /** Its name; the username where none is given. */
  "u_name"?: string;
  /** Its username; the name where none is given. Outbound digest and REGISTER use it. */
  "u_username"?: string;
  /** Its password; made up where none is given. */
  "u_password"?: string;
  /** Its domain, perhaps with a port. */
  "u_domain"?: string;
  /** Its address, perhaps with a port. */
  "u_ip"?: string;
  /** The port where domain or address have none. */
  "u_port"?: number;
  /** An outbound proxy. */
  "u_proxy"?: string;
  /** udp, tcp or tls. */
  "u_transport"?: string;
  /** tb_users.needauth. */
  "u_auth"?: number;
  /** An e-mail address. */
  "u_email"?: string;
  /** A country. */
  "u_country"?: string;
  /** A currency. */
  "u_currency"?: string;
  /** The opening credit. Also spelt credit. */
  "u_credit"?: string;
  /** A routing entry to join, by id or name; a new name makes one; null: none; empty: one of its own. */
  "u_routing"?: string;
  /** Its priority there; lower is tried first. */
  "u_routingpriority"?: number;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface BackupData {
  "accounts": number;
  "bytes": number;
  "cdrs": number;
  "path": string;
}

export interface BackupParameters {
  /** The file's name below that folder; empty: one with the moment. */
  "path"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface BackupdbData {
  "accounts": number;
  "bytes": number;
  "cdrs": number;
  "path": string;
}

export interface BackupdbParameters {
  /** The file's name below that folder; empty: one with the moment. */
  "path"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface BannedlistData {
  "hits"?: unknown;
  "ip"?: unknown;
  "reason"?: unknown;
  "since"?: unknown;
  "until"?: unknown;
}

export interface BannedlistParameters {
  /** cursor */
  "cursor"?: string;
}

export interface ClientParameters {
  /** The node, as `nodes` names it; `local` or nothing comes back to this one, and lists the nodes where the lines run here. Also spelt client. */
  "node"?: string;
  /** One line of the console to run there; without it every further line of this console or stream does. Also spelt message. */
  "txt"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface CmdData {
  "cut": boolean;
  "output": string;
}

export interface CmdParameters {
  /** A name of hostcommands, and its arguments where the entry takes some; double quotes keep words together. Also spelt command, message. */
  "txt": string;
  /** requestid */
  "requestid"?: string;
}

export interface DbData {
}

export interface DbParameters {
  /** One statement. Also spelt txt, message. */
  "sql": string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface DelbannedData {
  "lifted": number;
}

export interface DelbannedParameters {
  /** An address, a network, an account, or all. Also spelt all. */
  "ip"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface DeluserData {
  "disconnected": number;
  "unregistered": number;
  "userid": number;
}

export interface DeluserParameters {
  /** The account, by id or by username. Also spelt u_username. */
  "u_id": string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface DisccallData {
  "disconnected": number;
}

export interface DisccallParameters {
  /** The call, as the first column of call has it, or its SIP Call-ID, or all. Also spelt dbcallid, callid. */
  "dbcallsid": string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface GetfileData {
  "filedata": string;
  "filename": string;
  "size": number;
}

export interface GetfileParameters {
  /** The name below the folder `files` of the data folder. */
  "filename": string;
  /** cursor */
  "cursor"?: string;
}

export interface ListusersData {
  "credit"?: number;
  "currency"?: string;
  "enabled"?: number;
  "id"?: number;
  "name"?: string;
  "parentid"?: number;
  "phone"?: string;
  "postpaid"?: number;
  "status"?: number;
  "type"?: number;
  "username"?: string;
}

export interface ListusersParameters {
  /** Only accounts of this type. */
  "u_type"?: number;
  /** How many at most. */
  "u_maxcount"?: number;
  /** Adds contact and billing columns. */
  "u_extended"?: "yes" | "no";
  /** The column to sort by. */
  "u_order"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface NewuseriData {
  "userid": number;
}

export interface NewuseriParameters {
  /** The new account's username. */
  "u_username": string;
  /** Its password. */
  "u_password": string;
  /** Its holder's name. */
  "u_name"?: string;
  /** An e-mail address. */
  "u_email"?: string;
  /** A telephone number. */
  "u_phone"?: string;
  /** The currency of its credit. */
  "u_currency"?: string;
  /** A country. */
  "u_country"?: string;
  /** A postal address. */
  "u_address"?: string;
  /** The opening credit. Also spelt u_credit. */
  "credit"?: string;
  /** tb_users.type. */
  "u_type"?: number;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface PutfileData {
  "filename": string;
  "size": number;
}

export interface PutfileParameters {
  /** The name below the folder `files` of the data folder. */
  "filename": string;
  /** The content in base64. */
  "filedata": string;
  /** requestid */
  "requestid"?: string;
}

export interface SetipData {
  "seconds"?: number;
  "state": string;
}

export interface SetipParameters {
  /** The network interface, as the system names it. */
  "cardname": string;
  /** Its new address. */
  "ip": string;
  /** The network mask, such as 255.255.255.0, or the length of the prefix. */
  "mask": string;
  /** The gateway, in the same network; empty sets none. */
  "gateway"?: string;
  /** The gateway's metric, 0 to 9999. */
  "gwmetric"?: number;
  /** requestid */
  "requestid"?: string;
}

export interface SmsreceiveData {
  "repeated"?: boolean;
}

export interface SmsreceiveParameters {
  /** The sender's number. Also spelt anum, phone1. */
  "from": string;
  /** The number that it was sent to. Also spelt bnum, bnun, phone2. */
  "to": string;
  /** The text. Also spelt message. */
  "txt"?: string;
  /** The gateway's number of the message: the same one counts once. */
  "msgid"?: string;
  /** The state of an SMS that was sent, where this is a delivery report. */
  "status"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface TbackupData {
  "accounts": number;
  "bytes": number;
  "cdrs": number;
  "path": string;
}

export interface TbackupParameters {
  /** The file's name below that folder; empty: one with the moment. */
  "path"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface TimezonesetData {
  "offset": number;
  "timezone": string;
}

export interface TimezonesetParameters {
  /** Such as Europe/Budapest or UTC; empty: only look. */
  "timezone"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface UnregData {
  "unregistered": number;
}

export interface UnregParameters {
  /** The user, or all. Also spelt user. */
  "username": string;
  /** Only devices at this address. */
  "ip"?: string;
  /** 0 unregisters, 1 removes the binding silently. */
  "mode"?: number;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface VoicehereParameters {
  /** The call, as the first column of call has it, or its SIP Call-ID. Also spelt dbcallsid, callid. */
  "dbcallid": string;
  /** A phone to be rung as a silent listener: not part of this version, which answers so. */
  "phone"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface Voicehere2Parameters {
  /** Whose call: username, id or number. Of several calls the youngest that can be listened to. Also spelt user. */
  "username": string;
  /** A phone to be rung as a silent listener: not part of this version, which answers so. */
  "phone"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface ApireloadData {
  "entries": number;
}

export interface ApireloadParameters {
  /** requestid */
  "requestid"?: string;
}

export interface DbbackupData {
  "accounts": number;
  "bytes": number;
  "cdrs": number;
  "path": string;
}

export interface DbbackupParameters {
  /** Nothing: sequences are part of every backup. */
  "reseed"?: string;
  /** The file's name below the backups folder; empty: one with the moment. */
  "path"?: string;
  /** Hours between backups that are made by themselves from now on, 0 for none. */
  "ival"?: number;
  /** full, or incremental: what is other than in the newest full one of the folder (SQLite). */
  "type"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface DbfailoverData {
  "database": number;
  "engine": string;
  "writeus": number;
}

export interface DbfailoverParameters {
  /** Nothing. */
  "reserved"?: string;
  /** The database's number: 1 is `database`, from 2 on `failoverdatabases`. Named, it may lag; else it is the next one. */
  "forcedbnum"?: number;
  /** Only look how the databases stand. */
  "checkonly"?: "yes" | "no";
  /** First restore the newest backup of the backups folder into it. */
  "withrestore"?: "yes" | "no";
  /** Nothing but yes: the server ends its calls and starts again. */
  "needrestart"?: "yes" | "no";
  /** requestid */
  "requestid"?: string;
}

export interface DbresetData {
  "connections": number;
}

export interface DbresetParameters {
  /** requestid */
  "requestid"?: string;
}

export interface DbrestoreParameters {
  /** The backup's name below the backups folder. */
  "path": string;
  /** Nothing. */
  "reserved"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface DbrsttgsData {
  "change": number;
}

export interface DbrsttgsParameters {
  /** requestid */
  "requestid"?: string;
}

export interface GwrstData {
  "failed": number;
  "registered": number;
  "released": number;
}

export interface GwrstParameters {
  /** requestid */
  "requestid"?: string;
}

export interface LogrenameParameters {
  /** requestid */
  "requestid"?: string;
}

export interface MaintresetParameters {
  /** requestid */
  "requestid"?: string;
}

export interface RebillData {
  "changed": number;
  "postings": number;
  "records": number;
  "short": number;
  "withoutprice": number;
}

export interface RebillData2 {
  "callednumber"?: unknown;
  "currency"?: unknown;
  "difference"?: unknown;
  "id"?: unknown;
  "new"?: unknown;
  "old"?: unknown;
  "payer"?: unknown;
}

export interface RebillParameters {
  /** How many days back; fromdate and todate win. */
  "days"?: number;
  /** The first day, such as 2026-11-01. */
  "fromdate"?: string;
  /** The last day. */
  "todate"?: string;
  /** Only calls of accounts of this tb_users.type. */
  "usertype"?: string;
  /** Only calls of accounts below this one. */
  "parent"?: string;
  /** Show the differences and change nothing. */
  "checkwarnings"?: "yes" | "no";
  /** Move the differences through the ledger too. */
  "credit"?: "yes" | "no";
  /** requestid */
  "requestid"?: string;
}

export interface ReloadData {
  "changed": unknown[];
}

export interface ReloadParameters {
  /** requestid */
  "requestid"?: string;
}

export interface ReloadapikeysData {
  "added": unknown[];
  "changed": unknown[];
  "keys": number;
  "removed": unknown[];
}

export interface ReloadapikeysParameters {
  /** requestid */
  "requestid"?: string;
}

export interface ReloaddialplanData {
  "added": number;
  "changed": number;
  "removed": number;
  "rows": number;
  "table": string;
}

export interface ReloaddialplanParameters {
  /** requestid */
  "requestid"?: string;
}

export interface ReloadnumdircacheData {
  "added": number;
  "changed": number;
  "removed": number;
  "rows": number;
  "table": string;
}

export interface ReloadnumdircacheParameters {
  /** requestid */
  "requestid"?: string;
}

export interface RestartData {
  "connections": number;
}

export interface RestartParameters {
  /** service, database, server or force; required. */
  "what": "service" | "database" | "server" | "force";
  /** requestid */
  "requestid"?: string;
}

export interface RulesreloadData {
  "added": number;
  "changed": number;
  "removed": number;
  "rows": number;
  "table": string;
}

export interface RulesreloadParameters {
  /** requestid */
  "requestid"?: string;
}

export interface SipresetData {
  "calls": number;
  "ended": number;
  "sockets": number;
}

export interface SipresetParameters {
  /** requestid */
  "requestid"?: string;
}

export interface UpgradeallParameters {
  /** 0 or gateways, 1 or nodes, 2 or all. */
  "what"?: "0" | "gateways" | "1" | "nodes" | "2" | "all";
  /** requestid */
  "requestid"?: string;
}

export interface VsiprstData {
  "calls": number;
  "sockets": number;
}

export interface VsiprstParameters {
  /** requestid */
  "requestid"?: string;
}

export interface WebrstParameters {
  /** requestid */
  "requestid"?: string;
}

export interface CapcheckData {
  "answers": boolean;
  "free": null | number;
  "id": number;
  "inuse": number;
  "maxlines": null | number;
  "username": string;
}

export interface CapcheckParameters {
  /** A number or the beginning of numbers. */
  "direction": string;
  /** cursor */
  "cursor"?: string;
}

export interface CheckcreditsData {
  "lapsed": number;
  "problems": unknown[];
}

export interface CheckcreditsParameters {
  /** requestid */
  "requestid"?: string;
}

export interface CheckmailsData {
  "failed": number;
  "queued": number;
  "sent": number;
}

export interface CheckmailsParameters {
  /** cursor */
  "cursor"?: string;
}

export interface CheckpinsData {
  "expired": number;
  "unused": number;
  "used": number;
}

export interface CheckpinsParameters {
  /** cursor */
  "cursor"?: string;
}

export interface CheckscannerData {
  "account"?: unknown;
  "blacklisted"?: unknown;
  "done"?: unknown;
  "file"?: unknown;
  "invalid"?: unknown;
  "job"?: unknown;
  "ported"?: unknown;
  "rate"?: unknown;
  "reason"?: unknown;
  "source"?: unknown;
  "started"?: unknown;
  "state"?: unknown;
  "total"?: unknown;
  "unroutable"?: unknown;
  "valid"?: unknown;
}

export interface CheckscannerParameters {
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface CloseData {
}

export interface CloseParameters {
  /** cursor */
  "cursor"?: string;
}

export interface CreatecdrinfoData {
  "filled": number;
  "seen": number;
}

export interface CreatecdrinfoParameters {
  /** Of the last so many days. */
  "days"?: number;
  /** requestid */
  "requestid"?: string;
}

export interface DailymaintData {
  "again": boolean;
  "report": string;
  "slot": string;
}

export interface DailymaintParameters {
  /** requestid */
  "requestid"?: string;
}

export interface DailyreportData {
  "again": boolean;
  "report": string;
  "slot": string;
}

export interface DailyreportParameters {
  /** requestid */
  "requestid"?: string;
}

export interface DelobjData {
  "dbobj"?: number;
  "ep"?: number;
  "maint"?: number;
  "router"?: number;
}

export interface DelobjParameters {
  /** ep, logic, sqlupd, router, pred, check, simall, maint, logger, dbobj or all. */
  "object"?: "ep" | "logic" | "sqlupd" | "router" | "pred" | "check" | "simall" | "maint" | "logger" | "dbobj" | "all";
  /** requestid */
  "requestid"?: string;
}

export interface ExitParameters {
  /** cursor */
  "cursor"?: string;
}

export interface FinetuneData {
  "advice": string;
  "name": string;
  "state": string;
  "value": number;
  "wanted": number;
}

export interface FinetuneParameters {
  /** requestid */
  "requestid"?: string;
}

export interface GetfieldData {
}

export interface GetfieldParameters {
  /** What to search for. */
  "filterfieldvalue": string;
  /** The table. */
  "table"?: string;
  /** The field to answer. */
  "retfieldname"?: string;
  /** string or int; guessed. */
  "filterfieldtype"?: string;
  /** The field to search; for accounts username, id and number are tried. */
  "filterfieldname"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface GetiniData {
  "source": string;
  "value": string;
}

export interface GetiniParameters {
  /** Any: a key is told by its name. */
  "section"?: string;
  /** The key, by any of its spellings. */
  "key"?: string;
  /** A settings file; empty: the value in force. */
  "file"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface HelpParameters {
  /** One command. Also spelt txt, message. */
  "command"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface HourlymaintData {
  "again": boolean;
  "report": string;
  "slot": string;
}

export interface HourlymaintParameters {
  /** requestid */
  "requestid"?: string;
}

export interface KeepaliveData {
}

export interface KeepaliveParameters {
  /** cursor */
  "cursor"?: string;
}

export interface LoadinifilesData {
  "inforce": number;
  "settings": number;
}

export interface LoadinifilesParameters {
  /** A chapter such as limits; empty or all: everything. */
  "module"?: string;
  /** The file below the settings folder; all: every one. */
  "file"?: string;
  /** Nothing. */
  "notsaved"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface MonthlymaintData {
  "again": boolean;
  "report": string;
  "slot": string;
}

export interface MonthlymaintParameters {
  /** requestid */
  "requestid"?: string;
}

export interface NewusereventData {
  "announced": number;
}

export interface NewusereventParameters {
  /** Ids of the accounts, separated by commas; empty: what memory does not have yet. */
  "userid"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface NewuserseventData {
  "announced": number;
}

export interface NewuserseventParameters {
  /** Ids of the accounts, separated by commas; empty: what memory does not have yet. */
  "userid"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface NormalizechkData {
  "number": string;
  "stage": string;
  "text": string;
}

export interface NormalizechkParameters {
  /** The dialled number. */
  "called": string;
  /** The caller's number. */
  "caller"?: string;
  /** The country it is dialled in, as accounts have it; empty is the server's. */
  "country"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface OopData {
  "credit"?: number;
  "currency"?: string;
  "postpaid"?: boolean;
  "status"?: number;
}

export interface OopData2 {
  "username": string;
}

export interface OopParameters {
  /** A line of the console: `cdr targetuser=alice days=3`, `bannedlist`. Also spelt message. */
  "txt": string;
  /** requestid */
  "requestid"?: string;
}

export interface PgetfileData {
  "filedata": string;
  "filename": string;
  "size": number;
}

export interface PgetfileParameters {
  /** The name as it was saved. */
  "filename": string;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface PputfileData {
  "filename": string;
  "path": string;
}

export interface PputfileParameters {
  /** The name; other characters than letters, digits, dot, dash and underscore become underscores. */
  "filename": string;
  /** The content in base64. */
  "filedata": string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface QuitParameters {
  /** cursor */
  "cursor"?: string;
}

export interface SaveinifilesData {
  "files": unknown[];
  "settings": number;
}

export interface SaveinifilesParameters {
  /** A chapter such as limits; empty or all: everything. */
  "module"?: string;
  /** Nothing: each chapter has its own file. */
  "file"?: string;
  /** Also what nobody set, as comments. */
  "notsaved"?: "yes" | "no";
  /** requestid */
  "requestid"?: string;
}

export interface SavesettingsData {
  "file": string;
  "settings": number;
}

export interface SavesettingsParameters {
  /** A chapter such as limits; empty or all: everything. */
  "module"?: string;
  /** The file below the settings folder; all: the usual one. */
  "file"?: string;
  /** Also what nobody set, as comments. */
  "notsaved"?: "yes" | "no";
  /** requestid */
  "requestid"?: string;
}

export interface SetfastregpwdData {
  "userid": number;
}

export interface SetfastregpwdParameters {
  /** Whose: username, id, name or number. Also spelt usr. */
  "username": string;
  /** The new password. */
  "password": string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface SetiniData {
  "file"?: string;
  "key"?: string;
  "standing"?: string;
}

export interface SetiniParameters {
  /** The key, by any of its spellings. */
  "key": string;
  /** Any: a key is told by its name. */
  "section"?: string;
  /** The new value; it may be empty. */
  "value"?: string;
  /** A settings file; empty: the database. */
  "file"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface StopcannerData {
  "stopped": number;
}

export interface StopcannerParameters {
  /** The job, as checkscanner numbers it; every job where none is given. */
  "job"?: number;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface SyncusersData {
  "accounts": number;
  "added": number;
  "changed": number;
  "removed": number;
}

export interface SyncusersParameters {
  /** Nothing; kept for old clients. */
  "oop"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface ToclientParameters {
  /** The user, or the address of its phones. Also spelt username. */
  "clientip": string;
  /** The text, at most 4000 bytes. Also spelt txt. */
  "message": string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface TogwParameters {
  /** The server's name or address. Also spelt username. */
  "clientip": string;
  /** The text, at most 4000 bytes. Also spelt txt. */
  "message": string;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface UnittestData {
  "done": number;
  "failed": number;
  "p50ms": number;
  "p95ms": number;
  "p99ms": number;
  "persecond": number;
  "reason": string;
  "test": string;
}

export interface UnittestParameters {
  /** self, load, options, register, calls, rtp, http or udpapi. */
  "testtype"?: string;
  /** Tests at a time, for self. */
  "threads"?: number;
  /** Seconds, of each measurement. */
  "testtime"?: number;
  /** Nothing. */
  "parameter"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface UpdcdrdirData {
  "filled": number;
  "seen": number;
}

export interface UpdcdrdirParameters {
  /** Of the last so many days. */
  "days"?: number;
  /** requestid */
  "requestid"?: string;
}

export interface WeeklymaintData {
  "again": boolean;
  "report": string;
  "slot": string;
}

export interface WeeklymaintParameters {
  /** requestid */
  "requestid"?: string;
}

export interface WillstopData {
  "calls": number;
  "draining": boolean;
  "outbound": number;
  "registered": number;
}

export interface WillstopParameters {
  /** requestid */
  "requestid"?: string;
}

export interface ApikeyaddParameters {
  /** What the key is called: letters, digits, `-`, `_` and `.`. */
  "name": string;
  /** What it may be used for: commands, group:NAME, access:LEVEL (up to it), read, all; separated by commas or spaces. */
  "scopes": string;
  /** The account that the key acts as, by its username or id; without one the request shows credentials beside the key. */
  "account"?: string;
  /** From where it may be used: addresses, blocks, ranges; empty is from anywhere. */
  "addresses"?: string;
  /** After how many days it ends; 0 is never. */
  "days"?: number;
  /** requestid */
  "requestid"?: string;
}

export interface ApikeydelData {
  "name": string;
}

export interface ApikeydelParameters {
  /** The key's name. */
  "name": string;
  /** Whether it is removed with its sessions, or only switched off or on again. */
  "mode"?: "remove" | "disable" | "enable";
  /** requestid */
  "requestid"?: string;
}

export interface ApikeylistData {
  "account": string;
  "addresses": string;
  "created": string;
  "enabled": boolean;
  "expires": unknown;
  "lastused": unknown;
  "name": string;
  "scopes": string;
}

export interface ApikeylistParameters {
  /** cursor */
  "cursor"?: string;
}

export interface AuthexplainData {
  "detail": string;
  "step": string;
  "verdict": string;
}

export interface AuthexplainParameters {
  /** The request as it is sent: a line, a path with its query, or a whole URL; percent-encoded once more as this parameter. */
  "request": string;
  /** The address that it comes from. Also spelt ip. */
  "address"?: string;
  /** What carries it. */
  "transport"?: "http" | "https" | "tcp" | "tls" | "udp" | "ws" | "wss";
  /** cursor */
  "cursor"?: string;
}

export interface CodesgenerateData {
  "count": number;
  "csv": string;
}

export interface CodesgenerateParameters {
  /** How many. */
  "count": number;
  /** What each is worth. */
  "amount": string;
  /** The currency; the default currency where none is given. */
  "currency"?: string;
  /** The last day, YYYY-MM-DD, UTC; never where none is given. */
  "expires"?: string;
  /** What every code begins with. */
  "prefix"?: string;
  /** Random characters after it, 10 to 32. */
  "length"?: number;
  /** requestid */
  "requestid"?: string;
}

export interface CodeslistData {
  "code": string;
  "currency": string;
  "expires": unknown;
  "id": number;
  "used": number;
  "useddate": unknown;
  "userid": unknown;
  "value": number;
}

export interface CodeslistParameters {
  /** Rows of one answer, at most 1000. */
  "max"?: number;
  /** cursor */
  "cursor"?: string;
}

export interface CodesrevokeData {
  "revoked": number;
}

export interface CodesrevokeParameters {
  /** A code, or its id in codeslist. */
  "code"?: string;
  /** All unused codes that begin with this. */
  "prefix"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface EventlistData {
  "event": string;
  "seq": number;
}

export interface EventlistParameters {
  /** Events after this number. */
  "since"?: number;
  /** Names such as call.ended, or what stands before their dot, comma-separated; empty: all. */
  "types"?: string;
  /** At most so many, up to 1000. */
  "max"?: number;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface EventsData {
  "cursor"?: number;
}

export interface EventsParameters {
  /** Events after this number; empty: from here on. The last one that was seen, to miss none. */
  "since"?: number;
  /** Names such as call.ended, or what stands before their dot, comma-separated; empty: all; off: no more. */
  "types"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface ExamplesData {
  "command": string;
  "form": string;
  "request": string;
}

export interface ExamplesParameters {
  /** The account: username, id or number; your own without it. Also spelt name. */
  "user"?: string;
  /** Only this command. Also spelt txt, message. */
  "command"?: string;
  /** The address to write, such as https://pbx.example; empty is this server as it was reached. */
  "url"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface MmqData {
  "address"?: unknown;
  "connection"?: unknown;
  "device"?: unknown;
  "lost"?: unknown;
  "since"?: unknown;
  "topics"?: unknown;
  "user"?: unknown;
  "userid"?: unknown;
  "waiting"?: unknown;
}

export interface MmqParameters {
  /** What the device calls itself, at most 64 bytes; other devices see it. */
  "device"?: string;
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface MmqpublishData {
  "delivered": number;
}

export interface MmqpublishParameters {
  /** Where to: levels between slashes, without + and #, none below server. */
  "topic": string;
  /** What: JSON, or a text. */
  "data": string;
  /** 1 keeps it for devices that subscribe later, in memory; with data=null forgets what is kept. */
  "retain"?: "yes" | "no";
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface NumberaddData {
  "added": number;
  "known": number;
}

export interface NumberaddParameters {
  /** Numbers separated by commas; 36301000-36301099 is a range. */
  "numbers": string;
  /** Where they are, such as a country or a city. */
  "location"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface NumberassignData {
  "number": string;
  "userid": number;
}

export interface NumberassignParameters {
  /** A number of the pool. */
  "number": string;
  /** The account that gets it. */
  "account": string;
  /** requestid */
  "requestid"?: string;
}

export interface NumberlistData {
  "free": number;
  "id": number;
  "location": string;
  "number": string;
  "reserveduntil": unknown;
  "userid": number;
  "username": string;
}

export interface NumberlistParameters {
  /** Rows of one answer, at most 1000. */
  "max"?: number;
  /** cursor */
  "cursor"?: string;
}

export interface NumberreleaseData {
  "number": string;
}

export interface NumberreleaseParameters {
  /** A number of the pool. */
  "number": string;
  /** requestid */
  "requestid"?: string;
}

export interface PriceassignData {
  "list": number;
}

export interface PriceassignParameters {
  /** The list, by name or id; none takes it away. */
  "list": string;
  /** An account or, for its cost, a server. */
  "account"?: string;
  /** A packet, by its id. */
  "packet"?: number;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface PriceexportData {
  "csv": string;
  "list": string;
}

export interface PriceexportParameters {
  /** The list, by name or id. */
  "list": string;
  /** cursor */
  "cursor"?: string;
}

export interface PriceimportData {
  "added": number;
  "changed": number;
  "removed": number;
  "unchanged": number;
}

export interface PriceimportData2 {
  "billingstep": string;
  "change": string;
  "connectfee": string;
  "currency": string;
  "direction": string;
  "free": string;
  "freeafter": string;
  "minimum": string;
  "oldprice": null | number;
  "prefix": string;
  "price": string;
  "validfrom": string;
  "validto": string;
}

export interface PriceimportParameters {
  /** The list, by name or id. */
  "list": string;
  /** The table with its header, as a parameter, a multipart file or a body of type text/csv. */
  "csv": string;
  /** Show what would change, and change nothing. */
  "preview"?: "yes" | "no";
  /** Merge keeps lines that the table does not have, replace removes them. */
  "mode"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface PricelistaddData {
  "id": number;
  "name": string;
}

export interface PricelistaddParameters {
  /** Its name. */
  "name": string;
  /** The currency of its prices; the default currency where none is given. */
  "currency"?: string;
  /** A reseller for whose customers it is. */
  "reseller"?: string;
  /** It holds for whoever has no other. */
  "default"?: "yes" | "no";
  /** requestid */
  "requestid"?: string;
}

export interface PricelistdelData {
  "id": number;
  "lines": number;
}

export interface PricelistdelParameters {
  /** The list, by name or id. */
  "list": string;
  /** requestid */
  "requestid"?: string;
}

export interface PricelistsData {
  "accounts": number;
  "currency": string;
  "id": number;
  "isdefault": number;
  "lines": number;
  "name": string;
  "packets": number;
  "resellerid": number;
}

export interface PricelistsParameters {
  /** cursor */
  "cursor"?: string;
}

export interface RequestsData {
  "answer": string;
  "calls": string;
  "command": string;
  "datum": string;
  "ip": string;
  "ledger": string;
  "ms": number;
  "request": string;
  "rule": string;
  "transport": string;
  "user": string;
}

export interface RequestsParameters {
  /** Only requests of this user, as they name it. */
  "user"?: string;
  /** Only requests for this command. */
  "command"?: string;
  /** Only requests from this address. Also spelt ip. */
  "address"?: string;
  /** Only those that failed. */
  "errors"?: "yes" | "no";
  /** How many. Also spelt maxcount. */
  "count"?: number;
  /** cursor */
  "cursor"?: string;
}

export interface RouteaddData {
  "id": number;
}

export interface RouteaddParameters {
  /** The server, by name or id. */
  "server": string;
  /** The beginning of the called number; every number where none is given. */
  "prefix"?: string;
  /** The beginning of the calling number, or an account; anybody where none is given. */
  "caller"?: string;
  /** A lower one is tried first. */
  "priority"?: number;
  /** The share among routes of the same priority. */
  "weight"?: number;
  /** When it holds: 1 to 11 as for prices; 10 is always. */
  "timetype"?: number;
  /** Its name; the prefix where none is given. */
  "name"?: string;
  /** It is switched on. */
  "enabled"?: "yes" | "no";
  /** requestid */
  "requestid"?: string;
}

export interface RoutedelData {
  "id": number;
}

export interface RoutedelParameters {
  /** The route, by its id in routelist. */
  "id": number;
  /** requestid */
  "requestid"?: string;
}

export interface RoutelistData {
  "caller": string;
  "enabled": number;
  "id": number;
  "name": string;
  "prefix": string;
  "priority": number;
  "server": string;
  "serverid": number;
  "timetype": number;
  "weight": number;
}

export interface RoutelistParameters {
  /** Rows of one answer, at most 1000. */
  "max"?: number;
  /** cursor */
  "cursor"?: string;
}

export interface RoutesetData {
  "id": number;
}

export interface RoutesetParameters {
  /** The route, by its id in routelist. */
  "id": number;
  /** The field: server, prefix, caller, priority, weight, timetype, name or enabled. */
  "field": string;
  /** Its new value. */
  "value"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface ScannumbersData {
  "file": string;
  "job": number;
  "numbers": number;
}

export interface ScannumbersParameters {
  /** The account whose calls these would be, by username, id or number; the request's own where none is given. */
  "account"?: string;
  /** The numbers, separated by commas, semicolons, blanks or ends of lines. */
  "list"?: string;
  /** A file below the files folder with one number a line, or a table whose first column they are. */
  "file"?: string;
  /** Numbers a second, 1 to 1000; 200 where none is given. */
  "rate"?: number;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface WebhookaddData {
  "secret": string;
  "webhookid": number;
}

export interface WebhookaddParameters {
  /** Where to post: https://…, or http://… within your own network. */
  "url": string;
  /** Names such as call.ended, or what stands before their dot, comma-separated; empty: all. */
  "types"?: string;
  /** What signs the bodies, at least 16 characters; without one it is made. */
  "secret"?: string;
  /** Events after this number; empty: from here on. */
  "since"?: number;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface WebhookdelData {
}

export interface WebhookdelParameters {
  /** Its id, of webhooklist. Also spelt webhookid. */
  "id": number;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface WebhooklistData {
  "cursor": number;
  "enabled": boolean;
  "failingsince": unknown;
  "failures": number;
  "id": number;
  "problem": string;
  "status": number;
  "types": string;
  "url": string;
  "userid": number;
}

export interface WebhooklistParameters {
  /** targetuser */
  "targetuser"?: string;
  /** cursor */
  "cursor"?: string;
}

export interface WebhookreplayData {
  "cursor": number;
}

export interface WebhookreplayParameters {
  /** Its id, of webhooklist. Also spelt webhookid. */
  "id": number;
  /** Events after this number; empty: what it has not got yet. */
  "since"?: number;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

export interface WebhooktestParameters {
  /** Its id, of webhooklist. Also spelt webhookid. */
  "id": number;
  /** targetuser */
  "targetuser"?: string;
  /** requestid */
  "requestid"?: string;
}

/** Every command of the server as a method. */
export class Client extends Transport {
  /** Connectivity test that runs the configured authentication: key, and credentials where some are sent. */
  apitest(parameters: ApitestParameters = {}): Promise<Reply<ApitestData>> {
    return this.request("apitest", parameters);
  }

  /** Connectivity test without any authentication. */
  apitest1(parameters: Apitest1Parameters = {}): Promise<Reply<Apitest1Data>> {
    return this.request("apitest1", parameters);
  }

  /** Takes the code of forgotpasswordquestion or the answer to the account's question, makes a new password and sends it; five tries a code. */
  forgotpasswordanswer(parameters: ForgotpasswordanswerParameters): Promise<Reply<unknown>> {
    return this.request("forgotpasswordanswer", parameters);
  }

  /** Sends a one-time code for a new password, and the account's question if it has one, to the address, if an account has it; the answer is the same. */
  forgotpasswordquestion(parameters: ForgotpasswordquestionParameters): Promise<Reply<ForgotpasswordquestionData>> {
    return this.request("forgotpasswordquestion", parameters);
  }

  /** JSONP forward: calls the given function with {contents: …}, the answer of an API path of this server, or of a listed host. */
  jppget(parameters: JppgetParameters): Promise<Reply<unknown>> {
    return this.request("jppget", parameters);
  }

  /** Checks the credentials, records the login and answers a session token that serves as a bearer token. */
  login(parameters: LoginParameters = {}): Promise<Reply<LoginData>> {
    return this.request("login", parameters);
  }

  /** Confirms a sign-up with the code that was sent by e-mail or SMS; five tries a code. */
  newusercode(parameters: NewusercodeParameters): Promise<Reply<unknown>> {
    return this.request("newusercode", parameters);
  }

  /** Self-service sign-up: makes an enduser with signupcredit, signuppacket and signuprights, disabled until newusercode where signupconfirm says so; limited by address and device. */
  newuseru(parameters: NewuseruParameters): Promise<Reply<NewuseruData>> {
    return this.request("newuseru", parameters);
  }

  /** Issues a nonce, bound to the client's address, for the next requests' authmd5. */
  preauth(parameters: PreauthParameters = {}): Promise<Reply<PreauthData>> {
    return this.request("preauth", parameters);
  }

  /** Adds a number from which the account may trigger callbacks by a call to callbackaccessnumber. */
  addcallbacknumber(parameters: AddcallbacknumberParameters): Promise<Reply<AddcallbacknumberData>> {
    return this.request("addcallbacknumber", parameters);
  }

  /** Adds (or subtracts) credit of the named account, from trusted addresses; with pin as charge. */
  addcredit(parameters: AddcreditParameters = {}): Promise<Reply<AddcreditData>> {
    return this.request("addcredit", parameters);
  }

  /** Credit of the account. */
  balance(parameters: BalanceParameters = {}): Promise<Reply<BalanceData>> {
    return this.request("balance", parameters);
  }

  /** Rings the number, and when it answers connects it to the account's phone or to bnum; both are billed to the account. */
  callback(parameters: CallbackParameters): Promise<Reply<unknown>> {
    return this.request("callback", parameters);
  }

  /** The access number that declines a known caller's call and calls it back. */
  callbackaccessnumber(parameters: CallbackaccessnumberParameters = {}): Promise<Reply<CallbackaccessnumberData>> {
    return this.request("callbackaccessnumber", parameters);
  }

  /** As callforward, under the names that existing clients send. */
  calldivert(parameters: CalldivertParameters = {}): Promise<Reply<CalldivertData>> {
    return this.request("calldivert", parameters);
  }

  /** Sets forwarding: always, on busy, on no answer. What is absent stays, what is empty is cleared. */
  callforward(parameters: CallforwardParameters = {}): Promise<Reply<CallforwardData>> {
    return this.request("callforward", parameters);
  }

  /** For a running call: the credit that is left, the longest duration in seconds, the price per minute and the destination. */
  callrating(parameters: CallratingParameters): Promise<Reply<unknown>> {
    return this.request("callrating", parameters);
  }

  /** Charges a card through the configured provider and adds the amount to the credit, once per requestid; card data are taken over TLS only and kept nowhere. */
  cccharge(parameters: CcchargeParameters): Promise<Reply<unknown>> {
    return this.request("cccharge", parameters);
  }

  /** Call history in the server's time zone: own calls for users, everyone's with costs and profit for administrators. */
  cdr(parameters: CdrParameters = {}): Promise<Reply<CdrData[]>> {
    return this.request("cdr", parameters);
  }

  /** Changes the password after checking the old one; it acts at once. */
  changepwd(parameters: ChangepwdParameters): Promise<Reply<ChangepwdData>> {
    return this.request("changepwd", parameters);
  }

  /** Redeems a recharge PIN exactly once; wrong ones count as failed logins. */
  charge(parameters: ChargeParameters): Promise<Reply<ChargeData>> {
    return this.request("charge", parameters);
  }

  /** Adds a pin-less number (ANI): calls from it to an access number are the account's. A number has one account. */
  cli(parameters: CliParameters): Promise<Reply<CliData>> {
    return this.request("cli", parameters);
  }

  /** Account details as name=value lines; never passwords. */
  getdetails(parameters: GetdetailsParameters = {}): Promise<Reply<GetdetailsData>> {
    return this.request("getdetails", parameters);
  }

  /** Free numbers of the pool; lockphonenumber takes one. */
  getphonenumber(parameters: GetphonenumberParameters = {}): Promise<Reply<GetphonenumberData[]>> {
    return this.request("getphonenumber", parameters);
  }

  /** Takes a free number of the pool: exactly one caller gets it, and calls to it reach the account. */
  lockphonenumber(parameters: LockphonenumberParameters): Promise<Reply<LockphonenumberData>> {
    return this.request("lockphonenumber", parameters);
  }

  /** Calls the first number, when it answers the second, and bridges them; both are billed to the account. */
  p2p(parameters: P2pParameters): Promise<Reply<unknown>> {
    return this.request("p2p", parameters);
  }

  /** Presence of one or many users: what they set or their phones published, else unknown, offline, online, calling or speaking; only of the account's own usergroup. */
  presence_get(parameters: PresenceGetParameters = {}): Promise<Reply<PresenceGetData>> {
    return this.request("presence_get", parameters);
  }

  /** Sets the account's presence, as seen by presence_get and SIP SUBSCRIBE; hands over the messages that wait for it, once. */
  presence_set(parameters: PresenceSetParameters = {}): Promise<Reply<PresenceSetData>> {
    return this.request("presence_set", parameters);
  }

  /** Price per minute of a number or prefix for this account; the price table without a number. */
  rating(parameters: RatingParameters = {}): Promise<Reply<RatingData | RatingData2[]>> {
    return this.request("rating", parameters);
  }

  /** Finds users by part of a username, name or number: for users those of the same reseller and group. */
  search(parameters: SearchParameters): Promise<Reply<SearchData[]>> {
    return this.request("search", parameters);
  }

  /** The account's payment page (cardpage) and the state of its last card payments; never card data, and no card is saved. */
  sendccinfo(parameters: SendccinfoParameters = {}): Promise<Reply<SendccinfoData>> {
    return this.request("sendccinfo", parameters);
  }

  /** Chat message to one or many users: a SIP MESSAGE to each registered phone; kept for who is offline until a phone registers or presence_set asks. */
  sendim(parameters: SendimParameters): Promise<Reply<SendimData>> {
    return this.request("sendim", parameters);
  }

  /** Sets a field of the account; administrators any field of any table. */
  setfield(parameters: SetfieldParameters): Promise<Reply<SetfieldData>> {
    return this.request("setfield", parameters);
  }

  /** Own line state: 0 doesn't exist, 1 offline, 2 online, 3 calling, 4 speaking. */
  status(parameters: StatusParameters = {}): Promise<Reply<StatusData>> {
    return this.request("status", parameters);
  }

  /** Moves credit to another account in one step; never below zero for prepaid accounts. */
  transfercredit(parameters: TransfercreditParameters): Promise<Reply<TransfercreditData>> {
    return this.request("transfercredit", parameters);
  }

  /** Line state of another user, with the numbers of status; with userlist of several. */
  verifyuser(parameters: VerifyuserParameters = {}): Promise<Reply<VerifyuserData>> {
    return this.request("verifyuser", parameters);
  }

  /** Load of the WebSocket gateway, 0 idle to 7 full, by connections and calls, for balancing in the client. */
  wsload(parameters: WsloadParameters = {}): Promise<Reply<WsloadData>> {
    return this.request("wsload", parameters);
  }

  /** Ends the account's WebRTC session: its registrations over WebSocket are gone. */
  wsunreg(parameters: WsunregParameters = {}): Promise<Reply<WsunregData>> {
    return this.request("wsunreg", parameters);
  }

  /** Begins a WebRTC client's session: where its SIP over WebSocket goes, and its realm and ICE servers. */
  wsuser(parameters: WsuserParameters = {}): Promise<Reply<WsuserData>> {
    return this.request("wsuser", parameters);
  }

  /** Live calls with their state, codec, cost so far and MOS (of the side that is heard worse), the first column is the dbcallsid that disccall takes; with origsimid and telnum a test call at that line's expense, reported when it is over. */
  call(parameters: CallParameters = {}): Promise<Reply<CallData[]>> {
    return this.request("call", parameters);
  }

  /** The stable id of this installation and node. */
  deviceid(parameters: DeviceidParameters = {}): Promise<Reply<DeviceidData>> {
    return this.request("deviceid", parameters);
  }

  /** Every SIP server and registered phone with its address: asked by OPTIONS now, whether and how fast it answers within two seconds, and its calls. */
  endpoints(parameters: EndpointsParameters = {}): Promise<Reply<EndpointsData[]>> {
    return this.request("endpoints", parameters);
  }

  /** Registrations: of phones at this server (in) and of this server at upper servers (out). */
  epreg(parameters: EpregParameters = {}): Promise<Reply<EpregData[]>> {
    return this.request("epreg", parameters);
  }

  /** Accounts that may register as they are in memory, with their contacts and how many seconds ago they were read from the database. */
  fastregusers(parameters: FastregusersParameters = {}): Promise<Reply<FastregusersData[]>> {
    return this.request("fastregusers", parameters);
  }

  /** The accounts in memory: how many seconds ago each was read from the database, and how often SIP requests proved to be its own since the start. */
  fastusers(parameters: FastusersParameters = {}): Promise<Reply<FastusersData[]>> {
    return this.request("fastusers", parameters);
  }

  /** Sends a file of the server (logs, CDR files, reports), in base64. */
  file(parameters: FileParameters): Promise<Reply<FileData>> {
    return this.request("file", parameters);
  }

  /** Writes files of call records, one per day of the server's time zone, packed with gzip, below the folder cdr of the data folder; a day that is written again replaces its file. */
  gencdr(parameters: GencdrParameters = {}): Promise<Reply<GencdrData[]>> {
    return this.request("gencdr", parameters);
  }

  /** quick: alive. full: exercises database, SIP, media, disk and queues; fails if one of them does. */
  heartbeat(parameters: HeartbeatParameters = {}): Promise<Reply<HeartbeatData | HeartbeatData2[]>> {
    return this.request("heartbeat", parameters);
  }

  /** Uptime, version, listeners, registered users, calls, limits, queue, processor, memory, database. */
  info(parameters: InfoParameters = {}): Promise<Reply<InfoData>> {
    return this.request("info", parameters);
  }

  /** Entries of every table in memory and what they take at least: their fixed parts, without texts and indexes. */
  lists(parameters: ListsParameters = {}): Promise<Reply<ListsData[]>> {
    return this.request("lists", parameters);
  }

  /** Credit that running calls have reserved and locks of the database that are waited for, with age in seconds and owner; and writes that wait. */
  locks(parameters: LocksParameters = {}): Promise<Reply<LocksData[]>> {
    return this.request("locks", parameters);
  }

  /** Shows or changes the log level until the next reload, or writes an operator's remark into the log. */
  log(parameters: LogParameters = {}): Promise<Reply<unknown>> {
    return this.request("log", parameters);
  }

  /** Searches the log files, the newest first, bounded in time and size. */
  logsearch(parameters: LogsearchParameters): Promise<Reply<unknown>> {
    return this.request("logsearch", parameters);
  }

  /** Statements of this server that the database is running: id, age in milliseconds, text without values. */
  querylist(parameters: QuerylistParameters = {}): Promise<Reply<QuerylistData[]>> {
    return this.request("querylist", parameters);
  }

  /** Calls, calls per second, registered accounts, ASR in percent and ACD in seconds of the last hour, queue depth. */
  quickstat(parameters: QuickstatParameters = {}): Promise<Reply<QuickstatData>> {
    return this.request("quickstat", parameters);
  }

  /** Statistics of registrations since the start: bindings by transport, failures by reason, refreshes by interval, and the rate per second of the last ten. */
  regstat(parameters: RegstatParameters = {}): Promise<Reply<RegstatData>> {
    return this.request("regstat", parameters);
  }

  /** Registered users and devices: contact, received address, transport, user agent, expiry. */
  reguser(parameters: ReguserParameters = {}): Promise<Reply<ReguserData[]>> {
    return this.request("reguser", parameters);
  }

  /** Traffic, quality (ASR in percent; ACD and PDD in seconds; MOS as the mean of the calls that were heard), revenue, cost and profit by day of the server's time zone, destination, account or trunk. */
  reports(parameters: ReportsParameters = {}): Promise<Reply<ReportsData[]>> {
    return this.request("reports", parameters);
  }

  /** Dry run of a call: authentication, normalisation, filters, every candidate with price and reason. */
  routingtest(parameters: RoutingtestParameters): Promise<Reply<RoutingtestData[]>> {
    return this.request("routingtest", parameters);
  }

  /** The state of the server in five lines. */
  shortinfo(parameters: ShortinfoParameters = {}): Promise<Reply<string[]>> {
    return this.request("shortinfo", parameters);
  }

  /** The configuration in force, with the source of each value; secrets are masked. */
  showcfg(parameters: ShowcfgParameters = {}): Promise<Reply<ShowcfgData[]>> {
    return this.request("showcfg", parameters);
  }

  /** The last lines of the log; secrets are masked. */
  showlog(parameters: ShowlogParameters = {}): Promise<Reply<unknown>> {
    return this.request("showlog", parameters);
  }

  /** Threads of the process with name, processor time in milliseconds and state. */
  threadlist(parameters: ThreadlistParameters = {}): Promise<Reply<ThreadlistData[]>> {
    return this.request("threadlist", parameters);
  }

  /** Threads of the process with name, processor time in milliseconds and state. */
  threads(parameters: ThreadsParameters = {}): Promise<Reply<ThreadsData[]>> {
    return this.request("threads", parameters);
  }

  /** As threads, and the runtime's workers, tasks, tasks that wait, and the time its workers spent polling tasks. */
  threads2(parameters: Threads2Parameters = {}): Promise<Reply<Threads2Data[]>> {
    return this.request("threads2", parameters);
  }

  /** Encrypted connections since the start: opened, open, handshakes that failed or were refused, bytes. This is TLS (SIP over TLS and WebSocket, HTTPS, the API over TLS and WebSocket): there is no tunnel protocol of its own. */
  tunnelinfo(parameters: TunnelinfoParameters = {}): Promise<Reply<TunnelinfoData>> {
    return this.request("tunnelinfo", parameters);
  }

  /** Encrypted connections since the start by what they carry, version of TLS and cipher suite. This is TLS: there is no tunnel protocol of its own. */
  tunnelinfoex(parameters: TunnelinfoexParameters = {}): Promise<Reply<TunnelinfoexData[]>> {
    return this.request("tunnelinfoex", parameters);
  }

  /** Open encrypted connections: peer, what they carry, since when, version of TLS, cipher suite, SNI, ALPN, the account where one was proved on it, bytes. This is TLS: there is no tunnel protocol of its own. */
  tunnellist(parameters: TunnellistParameters = {}): Promise<Reply<TunnellistData[]>> {
    return this.request("tunnellist", parameters);
  }

  /** Name, version, system, the commit it was built from and what was built in. */
  version(parameters: VersionParameters = {}): Promise<Reply<VersionData>> {
    return this.request("version", parameters);
  }

  /** Adds a SIP server or traffic sender, usable for routing at once; fieldname0…99/fieldval0…99 set more. */
  addserver(parameters: AddserverParameters = {}): Promise<Reply<AddserverData>> {
    return this.request("addserver", parameters);
  }

  /** Copies the database while it is in use to backuptarget, else the backups folder, and proves the copy by restoring it into a scratch database and counting. */
  backup(parameters: BackupParameters = {}): Promise<Reply<BackupData>> {
    return this.request("backup", parameters);
  }

  /** Copies the database while it is in use to backuptarget, else the backups folder, and proves the copy by restoring it into a scratch database and counting. */
  backupdb(parameters: BackupdbParameters = {}): Promise<Reply<BackupdbData>> {
    return this.request("backupdb", parameters);
  }

  /** Banned addresses and accounts: reason, since, until, hits. */
  bannedlist(parameters: BannedlistParameters = {}): Promise<Reply<BannedlistData[]>> {
    return this.request("bannedlist", parameters);
  }

  /** Runs the lines that follow on another node of the installation, or one line (client NODE COMMAND …); each under its own access rule here and there, audited on both. Without a node it comes back, or lists the nodes and whether they can be reached. */
  client(parameters: ClientParameters = {}): Promise<Reply<unknown>> {
    return this.request("client", parameters);
  }

  /** Runs a program of the start-up file's hostcommands: no shell, bounded in time and output, audited. */
  cmd(parameters: CmdParameters): Promise<Reply<CmdData>> {
    return this.request("cmd", parameters);
  }

  /** Runs one SQL statement, also in T-SQL dress, within time and row limits; audited. */
  db(parameters: DbParameters): Promise<Reply<DbData[]>> {
    return this.request("db", parameters);
  }

  /** Lifts the ban of an address or account, or all bans. */
  delbanned(parameters: DelbannedParameters = {}): Promise<Reply<DelbannedData>> {
    return this.request("delbanned", parameters);
  }

  /** Deletes an account, keeping its history; drops its registrations and live calls. */
  deluser(parameters: DeluserParameters): Promise<Reply<DeluserData>> {
    return this.request("deluser", parameters);
  }

  /** Hangs up a call; its CDR tells the reason. */
  disccall(parameters: DisccallParameters): Promise<Reply<DisccallData>> {
    return this.request("disccall", parameters);
  }

  /** Loads a file from the server's files folder, in base64. */
  getfile(parameters: GetfileParameters): Promise<Reply<GetfileData>> {
    return this.request("getfile", parameters);
  }

  /** Lists accounts, with a cursor for the next page; never passwords. */
  listusers(parameters: ListusersParameters = {}): Promise<Reply<ListusersData[]>> {
    return this.request("listusers", parameters);
  }

  /** Makes an account without sign-up limits, with opening credit. */
  newuseri(parameters: NewuseriParameters): Promise<Reply<NewuseriData>> {
    return this.request("newuseri", parameters);
  }

  /** Saves base64 data under the server's files folder, whole or not at all. */
  putfile(parameters: PutfileParameters): Promise<Reply<PutfileData>> {
    return this.request("putfile", parameters);
  }

  /** Changes the machine's address through the operator's helper; the same request again confirms it, else it is reverted after hostipconfirm seconds. */
  setip(parameters: SetipParameters): Promise<Reply<SetipData>> {
    return this.request("setip", parameters);
  }

  /** An SMS from a gateway: a message to the account that owns the number; else a command of the sender, known by its number (p2p, cb, balance, rating, charge, cli); once per msgid. */
  smsreceive(parameters: SmsreceiveParameters): Promise<Reply<SmsreceiveData>> {
    return this.request("smsreceive", parameters);
  }

  /** Copies the database while it is in use to backuptarget, else the backups folder, and proves the copy by restoring it into a scratch database and counting. */
  tbackup(parameters: TbackupParameters = {}): Promise<Reply<TbackupData>> {
    return this.request("tbackup", parameters);
  }

  /** Sets the time zone of tariffs, days, reports and the dates of call records by its IANA name; storage stays in UTC. Without a name, the one in force. */
  timezoneset(parameters: TimezonesetParameters = {}): Promise<Reply<TimezonesetData>> {
    return this.request("timezoneset", parameters);
  }

  /** Unregisters a user's devices, or all; mode=1 removes the bindings silently. */
  unreg(parameters: UnregParameters): Promise<Reply<UnregData>> {
    return this.request("unreg", parameters);
  }

  /** Live listening to one call: answers with a WebSocket address that is good once and for listentime seconds and sends both sides' sound; PCMU and PCMA only; audited. Ringing a phone as a silent listener is not part of this version. */
  voicehere(parameters: VoicehereParameters): Promise<Reply<unknown>> {
    return this.request("voicehere", parameters);
  }

  /** As voicehere, by user: the youngest call that the user takes part in or pays for. */
  voicehere2(parameters: Voicehere2Parameters): Promise<Reply<unknown>> {
    return this.request("voicehere2", parameters);
  }

  /** Reloads tb_api at once; a wrong row is named and leaves the old rules. */
  apireload(parameters: ApireloadParameters = {}): Promise<Reply<ApireloadData>> {
    return this.request("apireload", parameters);
  }

  /** Copies the database while it is in use into the backups folder and proves the copy by restoring it into a scratch database and counting; type=incremental keeps only what changed since the newest full one; with ival every so many hours by itself. */
  dbbackup(parameters: DbbackupParameters = {}): Promise<Reply<DbbackupData>> {
    return this.request("dbbackup", parameters);
  }

  /** Ends calls and starts again on another of the configured databases (failoverdatabases), which must hold all that this one holds unless it is named or a backup is restored into it; with checkonly=1 only the health of this one and how far the others are behind. */
  dbfailover(parameters: DbfailoverParameters = {}): Promise<Reply<DbfailoverData>> {
    return this.request("dbfailover", parameters);
  }

  /** Fresh connections to the database for the writer and the readers; what runs is finished on the old ones. Answers when the database was written and read. */
  dbreset(parameters: DbresetParameters = {}): Promise<Reply<DbresetData>> {
    return this.request("dbreset", parameters);
  }

  /** Verifies a backup of the backups folder by restoring it into a scratch database, then ends calls, puts it in the database's place and starts again; the old database stays beside it. */
  dbrestore(parameters: DbrestoreParameters): Promise<Reply<unknown>> {
    return this.request("dbrestore", parameters);
  }

  /** Starts the follower of the database's change triggers anew; answers when everything that is committed is in force. */
  dbrsttgs(parameters: DbrsttgsParameters = {}): Promise<Reply<DbrsttgsData>> {
    return this.request("dbrsttgs", parameters);
  }

  /** Forgets which trunks did not answer and registers at every server anew; answers when they answered or had five seconds. */
  gwrst(parameters: GwrstParameters = {}): Promise<Reply<GwrstData>> {
    return this.request("gwrst", parameters);
  }

  /** Rotates the log files now. */
  logrename(parameters: LogrenameParameters = {}): Promise<Reply<unknown>> {
    return this.request("logrename", parameters);
  }

  /** Starts the task that looks for due maintenance anew; what is done stays done. */
  maintreset(parameters: MaintresetParameters = {}): Promise<Reply<unknown>> {
    return this.request("maintreset", parameters);
  }

  /** Prices the answered calls of a time again with present tariffs and writes the endusers' costs into the records; the same again changes nothing. Credit moves only with credit=yes, through the ledger; checkwarnings shows the differences and changes nothing. */
  rebill(parameters: RebillParameters = {}): Promise<Reply<RebillData | RebillData2[]>> {
    return this.request("rebill", parameters);
  }

  /** Reads the configuration again: validated as a whole, in force at once; a wrong value changes nothing and is named. Says which keys changed, and which of them wait for a restart. */
  reload(parameters: ReloadParameters = {}): Promise<Reply<ReloadData>> {
    return this.request("reload", parameters);
  }

  /** Reads the named API keys again and says which are new, gone or different. */
  reloadapikeys(parameters: ReloadapikeysParameters = {}): Promise<Reply<ReloadapikeysData>> {
    return this.request("reloadapikeys", parameters);
  }

  /** Reads routing, prices, currencies and holidays again, in force together; says how many there are and what changed since the last time. */
  reloaddialplan(parameters: ReloaddialplanParameters = {}): Promise<Reply<ReloaddialplanData[]>> {
    return this.request("reloaddialplan", parameters);
  }

  /** Reads the number pool again, in force together; says how many there are and what changed since the last time. */
  reloadnumdircache(parameters: ReloadnumdircacheParameters = {}): Promise<Reply<ReloadnumdircacheData[]>> {
    return this.request("reloadnumdircache", parameters);
  }

  /** Restarts: service (after running calls ended or had draintimeout), force (at once), database (connections and listener), server (the machine, by hostrestart). */
  restart(parameters: RestartParameters): Promise<Reply<RestartData>> {
    return this.request("restart", parameters);
  }

  /** Reads the routing rules, the blocked and the ported numbers again, in force together; says how many there are and what changed since the last time. */
  rulesreload(parameters: RulesreloadParameters = {}): Promise<Reply<RulesreloadData[]>> {
    return this.request("rulesreload", parameters);
  }

  /** As vsiprst, and ends the attempts that nobody answered yet, forgets routes and registers at the servers anew; answered calls go on. */
  sipreset(parameters: SipresetParameters = {}): Promise<Reply<SipresetData>> {
    return this.request("sipreset", parameters);
  }

  /** Upgrades gateways (0) by upgradechannel, the other nodes (1), or both (2): one node after the other ends its calls, restarts and must be healthy again before the next; stops at the first that is not. */
  upgradeall(parameters: UpgradeallParameters = {}): Promise<Reply<unknown>> {
    return this.request("upgradeall", parameters);
  }

  /** Binds the sockets of SIP and of the main UDP port anew on the same ports; calls, registrations and connections go on. Answers when an OPTIONS is answered. */
  vsiprst(parameters: VsiprstParameters = {}): Promise<Reply<VsiprstData>> {
    return this.request("vsiprst", parameters);
  }

  /** Binds the TCP and TLS listeners of the API, the web and the console anew on the same ports; connections go on. */
  webrst(parameters: WebrstParameters = {}): Promise<Reply<unknown>> {
    return this.request("webrst", parameters);
  }

  /** Free capacity towards a prefix: trunks in the order of routing with calls in use, limits and what is free; and the server's own limit. */
  capcheck(parameters: CapcheckParameters): Promise<Reply<CapcheckData[]>> {
    return this.request("capcheck", parameters);
  }

  /** Lets credit lapse whose date has passed and adds up the books; says what it did and found. */
  checkcredits(parameters: CheckcreditsParameters = {}): Promise<Reply<CheckcreditsData>> {
    return this.request("checkcredits", parameters);
  }

  /** Counts the messages of the outbox by state. Nothing delivers them in this version. */
  checkmails(parameters: CheckmailsParameters = {}): Promise<Reply<CheckmailsData>> {
    return this.request("checkmails", parameters);
  }

  /** Counts the recharge codes by state: unused, expired unused, used. An expired code is refused by its date; nothing has to be changed for it. */
  checkpins(parameters: CheckpinsParameters = {}): Promise<Reply<CheckpinsData>> {
    return this.request("checkpins", parameters);
  }

  /** The number scanner's jobs since the start: state, progress, what was found, and the result file; scannumbers begins one. */
  checkscanner(parameters: CheckscannerParameters = {}): Promise<Reply<CheckscannerData[]>> {
    return this.request("checkscanner", parameters);
  }

  /** Closes the connection, on transports that have one. */
  close(parameters: CloseParameters = {}): Promise<Reply<CloseData>> {
    return this.request("close", parameters);
  }

  /** As updcdrdir: reports then sum every call under its destination; sums are made from the records themselves when they are asked for. */
  createcdrinfo(parameters: CreatecdrinfoParameters = {}): Promise<Reply<CreatecdrinfoData>> {
    return this.request("createcdrinfo", parameters);
  }

  /** Does today's maintenance now, once a day: sums up the days before, removes what is older than keepcdrdays, keepauditdays, keeplinestatedays, keeplogdays. */
  dailymaint(parameters: DailymaintParameters = {}): Promise<Reply<DailymaintData>> {
    return this.request("dailymaint", parameters);
  }

  /** Makes the report of yesterday's traffic now, once a day: queued for adminemail, else a file below reports. */
  dailyreport(parameters: DailyreportParameters = {}): Promise<Reply<DailyreportData>> {
    return this.request("dailyreport", parameters);
  }

  /** Frees the named objects in memory, which are rebuilt at once or on use; live calls stay: ep (trunks' health, routes), logic and router (accounts, prices, rules, numbers), maint, dbobj (connections), all. */
  delobj(parameters: DelobjParameters = {}): Promise<Reply<DelobjData>> {
    return this.request("delobj", parameters);
  }

  /** Closes the connection, on transports that have one. */
  exit(parameters: ExitParameters = {}): Promise<Reply<unknown>> {
    return this.request("exit", parameters);
  }

  /** Checks limits of the kernel and the process; raises the limit of open descriptors as far as it may, and says what to raise by hand. */
  finetune(parameters: FinetuneParameters = {}): Promise<Reply<FinetuneData[]>> {
    return this.request("finetune", parameters);
  }

  /** One value: a field of the first row that fits. */
  getfield(parameters: GetfieldParameters): Promise<Reply<GetfieldData>> {
    return this.request("getfield", parameters);
  }

  /** The value of one configuration key: the one in force, or with file that of a settings file; secrets are masked. */
  getini(parameters: GetiniParameters = {}): Promise<Reply<GetiniData>> {
    return this.request("getini", parameters);
  }

  /** Lists the commands, or explains one. */
  help(parameters: HelpParameters = {}): Promise<Reply<string[]>> {
    return this.request("help", parameters);
  }

  /** Does this hour's maintenance now, once an hour: lapsed credit (creditelapsedt), the zone's offset. */
  hourlymaint(parameters: HourlymaintParameters = {}): Promise<Reply<HourlymaintData>> {
    return this.request("hourlymaint", parameters);
  }

  /** Keeps the connection alive. */
  keepalive(parameters: KeepaliveParameters = {}): Promise<Reply<KeepaliveData>> {
    return this.request("keepalive", parameters);
  }

  /** Takes the settings of a file below DATA/settings, or of all, into the database: every value is checked first, and all are taken or none; in force at once where that is possible. */
  loadinifiles(parameters: LoadinifilesParameters = {}): Promise<Reply<LoadinifilesData>> {
    return this.request("loadinifiles", parameters);
  }

  /** Does this month's maintenance now, once a month: brings the free minutes and messages of accounts with a packet to what it gives, through the ledger. */
  monthlymaint(parameters: MonthlymaintParameters = {}): Promise<Reply<MonthlymaintData>> {
    return this.request("monthlymaint", parameters);
  }

  /** Announces accounts that outside SQL made: they are in force in memory when this answers, and watchers are told; without userid all that are new. */
  newuserevent(parameters: NewusereventParameters = {}): Promise<Reply<NewusereventData>> {
    return this.request("newuserevent", parameters);
  }

  /** Announces accounts that outside SQL made: they are in force in memory when this answers, and watchers are told; without userid all that are new. */
  newusersevent(parameters: NewuserseventParameters = {}): Promise<Reply<NewuserseventData>> {
    return this.request("newusersevent", parameters);
  }

  /** How a number is normalised, step by step: the result, its E.164 form, what it is, and its destination's name. */
  normalizechk(parameters: NormalizechkParameters): Promise<Reply<NormalizechkData[]>> {
    return this.request("normalizechk", parameters);
  }

  /** Runs a console command that is passed as text, under its own access rule and with the same credentials. */
  oop(parameters: OopParameters): Promise<Reply<OopData | OopData2[]>> {
    return this.request("oop", parameters);
  }

  /** Loads a file that the account saved with pputfile or uploaded, in base64. */
  pgetfile(parameters: PgetfileParameters): Promise<Reply<PgetfileData>> {
    return this.request("pgetfile", parameters);
  }

  /** Saves base64 data under mvweb/filestorage, from where it is served as a download. */
  pputfile(parameters: PputfileParameters): Promise<Reply<PputfileData>> {
    return this.request("pputfile", parameters);
  }

  /** Closes the connection, on transports that have one. */
  quit(parameters: QuitParameters = {}): Promise<Reply<unknown>> {
    return this.request("quit", parameters);
  }

  /** Writes the settings of the database to one file for each chapter below DATA/settings, from which loadinifiles takes them back; secrets are left out. */
  saveinifiles(parameters: SaveinifilesParameters = {}): Promise<Reply<SaveinifilesData>> {
    return this.request("saveinifiles", parameters);
  }

  /** Writes the settings of the database to a file below DATA/settings, from which loadinifiles takes them back; secrets are left out. */
  savesettings(parameters: SavesettingsParameters = {}): Promise<Reply<SavesettingsData>> {
    return this.request("savesettings", parameters);
  }

  /** Sets the password in the database and in the registrar's memory together: the next REGISTER is checked against it. */
  setfastregpwd(parameters: SetfastregpwdParameters): Promise<Reply<SetfastregpwdData>> {
    return this.request("setfastregpwd", parameters);
  }

  /** Sets one configuration key, validated by its declaration: in the database and in force at once where that is possible, or with file in a settings file. Keys of the start-up file are refused. */
  setini(parameters: SetiniParameters): Promise<Reply<SetiniData>> {
    return this.request("setini", parameters);
  }

  /** Stops the number scanner's jobs, or one of them; what was found by then is in the result file. */
  stopcanner(parameters: StopcannerParameters = {}): Promise<Reply<StopcannerData>> {
    return this.request("stopcanner", parameters);
  }

  /** Reads every account anew and reports what was different in memory. */
  syncusers(parameters: SyncusersParameters = {}): Promise<Reply<SyncusersData>> {
    return this.request("syncusers", parameters);
  }

  /** Sends a SIP MESSAGE to the registered phones of a user or at an address; nothing is kept for who is offline. */
  toclient(parameters: ToclientParameters): Promise<Reply<unknown>> {
    return this.request("toclient", parameters);
  }

  /** Sends a SIP MESSAGE to a SIP server or gateway. */
  togw(parameters: TogwParameters): Promise<Reply<unknown>> {
    return this.request("togw", parameters);
  }

  /** Tests this exchange on loopback while it runs (self: database, sip, media, disk, queue), or measures a second one of the same program (options, register, calls, rtp, http, udpapi, load for all); bounded in time; says rates and percentiles. */
  unittest(parameters: UnittestParameters = {}): Promise<Reply<UnittestData[]>> {
    return this.request("unittest", parameters);
  }

  /** Fills in the destination's name in call records that lack it, by the payer's price list. */
  updcdrdir(parameters: UpdcdrdirParameters = {}): Promise<Reply<UpdcdrdirData>> {
    return this.request("updcdrdir", parameters);
  }

  /** Does this week's maintenance now, once a week: renews the database's statistics, adds up the books. */
  weeklymaint(parameters: WeeklymaintParameters = {}): Promise<Reply<WeeklymaintData>> {
    return this.request("weeklymaint", parameters);
  }

  /** Drain mode: new calls are refused with 503 until a restart, running ones go on; answers with what is still running. */
  willstop(parameters: WillstopParameters = {}): Promise<Reply<WillstopData>> {
    return this.request("willstop", parameters);
  }

  /** Makes a named API key that may be used for its scopes only; the key is shown once and not kept. */
  apikeyadd(parameters: ApikeyaddParameters): Promise<Reply<unknown>> {
    return this.request("apikeyadd", parameters);
  }

  /** Removes a named API key and the sessions opened with it, or switches it off and on. */
  apikeydel(parameters: ApikeydelParameters): Promise<Reply<ApikeydelData>> {
    return this.request("apikeydel", parameters);
  }

  /** Named API keys: scopes, account, addresses, end, last use. A key itself is never shown again. */
  apikeylist(parameters: ApikeylistParameters = {}): Promise<Reply<ApikeylistData[]>> {
    return this.request("apikeylist", parameters);
  }

  /** Says what would become of a request, rule by rule, and which ingredient of its authmd5 or password is wrong; does nothing. */
  authexplain(parameters: AuthexplainParameters): Promise<Reply<AuthexplainData[]>> {
    return this.request("authexplain", parameters);
  }

  /** Makes random recharge codes and answers them once as CSV; codeslist shows only their ends later. */
  codesgenerate(parameters: CodesgenerateParameters): Promise<Reply<CodesgenerateData>> {
    return this.request("codesgenerate", parameters);
  }

  /** Lists recharge codes with value, currency, use and expiry; all but the last four characters are hidden. */
  codeslist(parameters: CodeslistParameters = {}): Promise<Reply<CodeslistData[]>> {
    return this.request("codeslist", parameters);
  }

  /** Removes unused recharge codes: one, or all with a prefix; used ones stay. */
  codesrevoke(parameters: CodesrevokeParameters = {}): Promise<Reply<CodesrevokeData>> {
    return this.request("codesrevoke", parameters);
  }

  /** Lists kept events after a number; the cursor in the answer is the next page's since. */
  eventlist(parameters: EventlistParameters = {}): Promise<Reply<EventlistData[]>> {
    return this.request("eventlist", parameters);
  }

  /** Pushes events on this TCP or WebSocket stream, one JSON object per line or message; elsewhere says only where the stream stands. */
  events(parameters: EventsParameters = {}): Promise<Reply<EventsData>> {
    return this.request("events", parameters);
  }

  /** Working requests for an account and every command that it may use: URL, curl, JSON and WebSocket line. They hold the key and digests of the account: show them to nobody else. */
  examples(parameters: ExamplesParameters = {}): Promise<Reply<ExamplesData[]>> {
    return this.request("examples", parameters);
  }

  /** Lists the connections of the account's message queue, of an administrator all or those of targetuser; as the login of a WebSocket of /mmstwebsock it opens one (docs/api/mmq.md). */
  mmq(parameters: MmqParameters = {}): Promise<Reply<MmqData[]>> {
    return this.request("mmq", parameters);
  }

  /** Sends a message to the devices of the account that follow the topic in the message queue; resellers and administrators reach others with targetuser. */
  mmqpublish(parameters: MmqpublishParameters): Promise<Reply<MmqpublishData>> {
    return this.request("mmqpublish", parameters);
  }

  /** Adds numbers and ranges to the pool; those that are there already stay as they are. */
  numberadd(parameters: NumberaddParameters): Promise<Reply<NumberaddData>> {
    return this.request("numberadd", parameters);
  }

  /** Gives a number of the pool to an account, which is reached by it from the next call on. */
  numberassign(parameters: NumberassignParameters): Promise<Reply<NumberassignData>> {
    return this.request("numberassign", parameters);
  }

  /** Lists the number pool: each number, whether it is free, who has it, and until when it is reserved. */
  numberlist(parameters: NumberlistParameters = {}): Promise<Reply<NumberlistData[]>> {
    return this.request("numberlist", parameters);
  }

  /** Takes a number from its account and gives it back to the pool. */
  numberrelease(parameters: NumberreleaseParameters): Promise<Reply<NumberreleaseData>> {
    return this.request("numberrelease", parameters);
  }

  /** Ties an account, a server (what it costs) or a packet to a price list; the next call is rated by it. */
  priceassign(parameters: PriceassignParameters): Promise<Reply<PriceassignData>> {
    return this.request("priceassign", parameters);
  }

  /** A price list as CSV; importing it again changes nothing. */
  priceexport(parameters: PriceexportParameters): Promise<Reply<PriceexportData>> {
    return this.request("priceexport", parameters);
  }

  /** Brings a price list up to a CSV table, all or nothing; preview=yes shows what would change. */
  priceimport(parameters: PriceimportParameters): Promise<Reply<PriceimportData | PriceimportData2[]>> {
    return this.request("priceimport", parameters);
  }

  /** Makes a price list; priceimport fills it and priceassign ties accounts and packets to it. */
  pricelistadd(parameters: PricelistaddParameters): Promise<Reply<PricelistaddData>> {
    return this.request("pricelistadd", parameters);
  }

  /** Removes a price list with its lines, unless accounts or packets use it. */
  pricelistdel(parameters: PricelistdelParameters): Promise<Reply<PricelistdelData>> {
    return this.request("pricelistdel", parameters);
  }

  /** Lists the price lists with their currency, their lines, and how many accounts and packets use them. */
  pricelists(parameters: PricelistsParameters = {}): Promise<Reply<PricelistsData[]>> {
    return this.request("pricelists", parameters);
  }

  /** The last requests: what was asked, what let it in or kept it out, what was answered, and what calls and ledger rows it made. */
  requests(parameters: RequestsParameters = {}): Promise<Reply<RequestsData[]>> {
    return this.request("requests", parameters);
  }

  /** Adds a route: which server takes which prefix, checked before it is kept; routingtest shows what it does. */
  routeadd(parameters: RouteaddParameters): Promise<Reply<RouteaddData>> {
    return this.request("routeadd", parameters);
  }

  /** Removes a route. */
  routedel(parameters: RoutedelParameters): Promise<Reply<RoutedelData>> {
    return this.request("routedel", parameters);
  }

  /** Lists the routes: prefix, caller, server, priority, weight, time, and whether each is switched on. */
  routelist(parameters: RoutelistParameters = {}): Promise<Reply<RoutelistData[]>> {
    return this.request("routelist", parameters);
  }

  /** Changes one field of a route, checked before it is kept; the next call follows it. */
  routeset(parameters: RoutesetParameters): Promise<Reply<RoutesetData>> {
    return this.request("routeset", parameters);
  }

  /** Checks numbers in the background: numbering plan, blacklist, routing and price, without a call; checkscanner shows how far it is, the result is a CSV file for getfile. A job ends with the process. */
  scannumbers(parameters: ScannumbersParameters = {}): Promise<Reply<ScannumbersData>> {
    return this.request("scannumbers", parameters);
  }

  /** Posts events to a URL, signed, in order, again until it answers 2xx. The secret is shown here and never again. */
  webhookadd(parameters: WebhookaddParameters): Promise<Reply<WebhookaddData>> {
    return this.request("webhookadd", parameters);
  }

  /** Removes a webhook. */
  webhookdel(parameters: WebhookdelParameters): Promise<Reply<WebhookdelData>> {
    return this.request("webhookdel", parameters);
  }

  /** Lists webhooks: where they stand in the stream of this node, and since when and why they fail. */
  webhooklist(parameters: WebhooklistParameters = {}): Promise<Reply<WebhooklistData[]>> {
    return this.request("webhooklist", parameters);
  }

  /** Posts events to a webhook again from a number on; switches it on again if it was given up. */
  webhookreplay(parameters: WebhookreplayParameters): Promise<Reply<WebhookreplayData>> {
    return this.request("webhookreplay", parameters);
  }

  /** Posts a signed event of type test to a webhook now and answers the HTTP status, or why there was none. */
  webhooktest(parameters: WebhooktestParameters): Promise<Reply<unknown>> {
    return this.request("webhooktest", parameters);
  }
}
