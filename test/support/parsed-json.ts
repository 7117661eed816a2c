/** What was parsed out of an answer: tests look into it, and compare what they find. */
export type ParsedJson = ReturnType<JSON['parse']>;
