# SPDX-License-Identifier: Apache-2.0
"""An independent judge of what the processor did.

It replays every record of the input topic with its own decoder, its own rules, its own rating and
its own model of an account, and compares what it predicts with PostgreSQL, Redis and the output
topics. It shares no code with the processor or the load generator: the rules were written from the
domain's text alone, with Python's integers and fractions.

    numbering, decks, rating    what a call costs
    decode, validate            which records can be charged at all
    account                     what a movement of the balance tells
    credits                     how records of the credits topic ended, and what credits did
    evidence                    what was found: in live servers, or made by hand in a test
    verdict                     the comparison
"""
