import { limits } from "../../../src/base/index.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** On which every look takes a while, as if something had been done meanwhile: the time of a turn is up after four of them. */
export class SlowClock extends FakeClock {
  #looks = 0;

  override monotonic(): number {
    return super.monotonic() + this.#looks++ * (limits.scrapePlanTurnMs / 4);
  }
}
