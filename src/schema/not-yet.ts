import { _addIssue, type BaseIssue, type BaseValidation } from "valibot";
import packageJson from "../../package.json" with { type: "json" };

/** Names what is meant in the sentence that refuses it. */
export function notYetSentence(what: string, advice = "remove it"): string {
  return `${what} not carried out by this version of the agent (${packageJson.version}); ${advice}`;
}

/**
 * Refuses an argument whose type, default and checks are there, but not yet what it should do: never silently ignored. `what` is
 * subject and verb, "proxies are". A value for which `unless` holds asks for what already happens and is accepted.
 */
export function notYet<Input>(
  what: string,
  options: { readonly unless?: (value: Input) => boolean; readonly advice?: string | undefined } = {},
): BaseValidation<Input, Input, BaseIssue<unknown>> {
  const action: BaseValidation<Input, Input, BaseIssue<unknown>> = {
    kind: "validation",
    type: "not_yet",
    reference: notYet,
    expects: null,
    async: false,
    "~run"(dataset, config) {
      if (dataset.typed && !options.unless?.(dataset.value))
        _addIssue({ ...action, message: notYetSentence(what, options.advice) }, "value", dataset, config);
      return dataset;
    },
  };
  return action;
}
