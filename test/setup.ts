/**
 * Property tests draw the same cases in every run, so that a failure can be repeated and a green commit stays green;
 * `ATLAS_TEST_SEED=n npm test` draws others.
 */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env.ATLAS_TEST_SEED ?? 20_260_101) });
