import { relpCommand, RelpFrameReader } from '../outward/transports/relp/relp-frame.js';

export interface RelpTurn {
  messages: Buffer[];
  /** What to say in return. */
  answer: Buffer;
  /** The sender ended the session. */
  ended: boolean;
}

/** How a RELP receiver may be made to misbehave. */
export interface RelpFaults {
  /** Takes messages and never answers them. */
  neverAnswersMessages: boolean;
  /** Answers 500 in place of every n-th 200 and forgets the message; 0 never. */
  refusesEachNth: number;
  /** Answers the opening of a session with 500. */
  refusesSessions: boolean;
}

/** The receiver's side of one RELP connection. */
export class RelpConversation {
  private readonly reader = new RelpFrameReader(1_048_576);
  private asked = 0;

  constructor(private readonly faults: Readonly<RelpFaults>) {}

  /** @throws SyntaxError with what is no frame */
  push(data: Buffer): RelpTurn {
    const turn: RelpTurn = { messages: [], answer: Buffer.alloc(0), ended: false };
    const answers: Buffer[] = [];
    for (const frame of this.reader.push(data)) {
      switch (frame.command) {
        case 'open':
          answers.push(relpCommand(frame.transaction, 'rsp', this.faults.refusesSessions ? '500 not today' : '200 OK\nrelp_version=0\nrelp_software=loopback\ncommands=syslog'));
          break;
        case 'syslog':
          if (this.faults.neverAnswersMessages) {
            turn.messages.push(Buffer.from(frame.data, 'latin1'));
          } else if (this.faults.refusesEachNth > 0 && ++this.asked % this.faults.refusesEachNth === 0) {
            answers.push(relpCommand(frame.transaction, 'rsp', '500 queue full'));
          } else {
            turn.messages.push(Buffer.from(frame.data, 'latin1'));
            answers.push(relpCommand(frame.transaction, 'rsp', '200 OK'));
          }
          break;
        case 'close':
          answers.push(relpCommand(frame.transaction, 'rsp', '200 OK'), RELP_SERVER_CLOSE);
          turn.ended = true;
          break;
        default:
          answers.push(relpCommand(frame.transaction, 'rsp', '500 unknown command'));
      }
    }
    turn.answer = Buffer.concat(answers);
    return turn;
  }
}

export const RELP_SERVER_CLOSE = relpCommand(0, 'serverclose');
